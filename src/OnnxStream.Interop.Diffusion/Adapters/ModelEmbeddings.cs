namespace OnnxStream.Interop.Diffusion.Adapters;

/// <summary>Teaches a text encoder the words of textual inversions: rows behind those of its table of embeddings.</summary>
internal static class ModelEmbeddings
{
    /// <summary>The text encoder with the words.</summary>
    /// <param name="model">The text encoder.</param>
    /// <param name="isSecond">Whether it is the second one.</param>
    /// <param name="vocabularySize">The number of ids that the tokenizer has by itself; the first word has this id.</param>
    /// <param name="words">The words.</param>
    /// <exception cref="ModelFormatException">The vectors are for another text encoder, or it has no table that could be told.</exception>
    public static Model Apply(Model model, bool isSecond, int vocabularySize, IReadOnlyList<TextualInversion> words)
    {
        if (words.Count == 0)
        {
            return model;
        }

        ModelWeight[] tables = [.. model.FindWeights().Where(weight => weight.Shape.Rank == 2 && weight.Shape[0] == vocabularySize && weight.Uses.All(use => use is { OperatorType: "Gather", Input: 0 }))];
        if (tables is not [{ ElementType: ElementType.Float32 or ElementType.Float16 or ElementType.BFloat16 } table])
        {
            throw new ModelFormatException(model.Path, $"the text encoder has {tables.Length} tables of {vocabularySize:N0} rows that ids take rows of, and textual inversions need one, in floating point.");
        }

        int width = checked((int)table.Shape[1]);
        float[] rows = [.. words.SelectMany(word => word.Read(isSecond, width))];
        string description = string.Join('+', words.Select(word => word.Path)), versions = string.Concat(words.Select(word => $"+{word.Version}"));
        return model.WithWeights(new Dictionary<string, WeightReplacement>
        {
            [table.Name] = new(new AppendedRowsSource(table, rows, description, versions), 0, table.ElementType) { Rows = table.Shape[0] + (rows.Length / width) },
        });
    }
}
