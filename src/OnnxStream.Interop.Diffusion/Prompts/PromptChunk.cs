namespace OnnxStream.Interop.Diffusion.Prompts;

/// <summary>As many tokens of a prompt as a text encoder takes at once, and how much each counts.</summary>
/// <param name="Ids">The ids, the begin and the end token and padding included.</param>
/// <param name="Weights">The weight of each.</param>
/// <param name="TokenCount">How many tokens of the prompt there are among them.</param>
internal sealed record PromptChunk(long[] Ids, float[] Weights, int TokenCount)
{
    // A chunk rather ends at a comma than within what is behind it, if that is not longer. AUTOMATIC1111's setting.
    private const int MostTokensMoved = 20;

    /// <summary>Divides a prompt into chunks; one at least.</summary>
    /// <param name="prompt">The prompt, with weights and breaks.</param>
    /// <param name="tokenizer">The tokenizer of the text encoder.</param>
    /// <param name="isPlain">Whether brackets are text like any other.</param>
    public static IReadOnlyList<PromptChunk> Read(string prompt, ClipTokenizer tokenizer, bool isPlain = false)
    {
        int most = tokenizer.ContextLength - 2;
        int comma = tokenizer.Tokenize(",") is [int id] ? id : -1;
        List<PromptChunk> chunks = [];
        List<int> ids = [];
        List<double> weights = [];
        int lastComma = -1;
        foreach (WeightedText part in isPlain ? [new WeightedText(prompt, 1)] : WeightedText.Read(prompt))
        {
            if (part.IsBreak)
            {
                End();
                continue;
            }

            foreach (int token in tokenizer.Tokenize(part.Text))
            {
                if (token == comma)
                {
                    lastComma = ids.Count;
                }
                else if (ids.Count == most && lastComma >= 0 && ids.Count - lastComma <= MostTokensMoved)
                {
                    int place = lastComma + 1;
                    List<int> movedIds = ids[place..];
                    List<double> movedWeights = weights[place..];
                    ids.RemoveRange(place, ids.Count - place);
                    weights.RemoveRange(place, weights.Count - place);
                    End();
                    (ids, weights) = (movedIds, movedWeights);
                }

                if (ids.Count == most)
                {
                    End();
                }

                ids.Add(token);
                weights.Add(part.Weight);
            }
        }

        if (ids.Count > 0 || chunks.Count == 0)
        {
            End();
        }

        return chunks;

        void End()
        {
            long[] all = new long[tokenizer.ContextLength];
            float[] counts = new float[all.Length];
            all.AsSpan().Fill(tokenizer.PadId);
            counts.AsSpan().Fill(1);
            all[0] = tokenizer.BeginId;
            for (int i = 0; i < ids.Count; i++)
            {
                all[i + 1] = ids[i];
                counts[i + 1] = (float)weights[i];
            }

            all[ids.Count + 1] = tokenizer.EndId;
            chunks.Add(new PromptChunk(all, counts, ids.Count));
            ids = [];
            weights = [];
            lastComma = -1;
        }
    }

    /// <summary>Multiplies the hidden states of each token by its weight, and all of them so that their mean stays (AUTOMATIC1111's "original" emphasis).</summary>
    /// <param name="states">The hidden states of the chunk, <c>[1, ids, width]</c>.</param>
    public void Apply(TensorBuffer states)
    {
        if (Array.TrueForAll(Weights, weight => weight == 1))
        {
            return;
        }

        Span<float> values = states.Span<float>();
        int width = values.Length / Weights.Length;
        double before = 0, after = 0;
        for (int i = 0; i < values.Length; i++)
        {
            before += values[i];
            values[i] *= Weights[i / width];
            after += values[i];
        }

        if (after != 0)
        {
            float factor = (float)(before / after);
            foreach (ref float value in values)
            {
                value *= factor;
            }
        }
    }
}
