using System.Globalization;
using System.Text.RegularExpressions;

namespace OnnxStream.Interop.Diffusion.Prompts;

/// <summary>A part of a prompt and how much it counts.</summary>
/// <param name="Text">The text.</param>
/// <param name="Weight">What its hidden states are multiplied by.</param>
/// <param name="IsBreak">Whether it is no text, but the end of a chunk.</param>
internal readonly partial record struct WeightedText(string Text, double Weight, bool IsBreak = false)
{
    private const double Round = 1.1, Square = 1 / 1.1;

    /// <summary>
    /// Reads the weights of a prompt as AUTOMATIC1111's web interface does: <c>(text)</c> counts 1.1 times, <c>[text]</c> 1.1 times
    /// less, <c>(text:1.3)</c> as said, each also within others; a backslash before a bracket makes it text. <c>BREAK</c> ends a chunk.
    /// </summary>
    /// <param name="prompt">The prompt.</param>
    public static IReadOnlyList<WeightedText> Read(string prompt)
    {
        List<WeightedText> parts = [];
        Stack<int> round = new(), square = new();
        foreach (Match match in Token().Matches(prompt))
        {
            string text = match.Value;
            Group weight = match.Groups["weight"];
            if (text.Length > 1 && text[0] == '\\')
            {
                parts.Add(new(text[1..], 1));
            }
            else if (text == "(")
            {
                round.Push(parts.Count);
            }
            else if (text == "[")
            {
                square.Push(parts.Count);
            }
            else if (weight.Success && round.Count > 0)
            {
                if (double.TryParse(weight.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && double.IsFinite(number))
                {
                    Multiply(round.Pop(), number);
                }
                else
                {
                    parts.Add(new(text[..^1], 1));
                    Multiply(round.Pop(), Round);
                }
            }
            else if (text == ")" && round.Count > 0)
            {
                Multiply(round.Pop(), Round);
            }
            else if (text == "]" && square.Count > 0)
            {
                Multiply(square.Pop(), Square);
            }
            else
            {
                string[] pieces = Break().Split(text);
                for (int i = 0; i < pieces.Length; i++)
                {
                    if (i > 0)
                    {
                        parts.Add(new("", 1, IsBreak: true));
                    }

                    parts.Add(new(pieces[i], 1));
                }
            }
        }

        foreach (int start in round)
        {
            Multiply(start, Round);
        }

        foreach (int start in square)
        {
            Multiply(start, Square);
        }

        // Neighbours of one weight are one text: words must not be torn.
        List<WeightedText> merged = [];
        foreach (WeightedText part in parts)
        {
            if (merged.Count > 0 && !part.IsBreak && !merged[^1].IsBreak && merged[^1].Weight == part.Weight)
            {
                merged[^1] = merged[^1] with { Text = merged[^1].Text + part.Text };
            }
            else if (part.IsBreak || part.Text.Length > 0)
            {
                merged.Add(part);
            }
        }

        return merged;

        void Multiply(int start, double factor)
        {
            for (int i = start; i < parts.Count; i++)
            {
                parts[i] = parts[i] with { Weight = parts[i].Weight * factor };
            }
        }
    }

    [GeneratedRegex(@"\\[()\[\]\\]|\\|\(|\[|:\s*(?<weight>[+-]?[.\d]+)\s*\)|\)|\]|[^\\()\[\]:]+|:", RegexOptions.CultureInvariant)]
    private static partial Regex Token();

    [GeneratedRegex(@"\s*\bBREAK\b\s*", RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex Break();
}
