using System.Globalization;
using System.Text;

namespace OnnxStream.Interop.Diffusion.Prompts;

/// <summary>A prompt whose text may change from step to step, as AUTOMATIC1111's web interface reads it.</summary>
/// <remarks>
/// <c>[from:to:when]</c> is one text up to a step and another after it, <c>[to:when]</c> and <c>[from::when]</c> have one of them,
/// and <c>[a|b]</c> alternates. <c>when</c> is a number of steps, or with a point the part of all steps. Such brackets may lie in one
/// another and in brackets for weights, which stay as they are. A backslash takes its meaning from the character behind it.
/// </remarks>
internal static class PromptTimeline
{
    // Brackets in more brackets are text.
    private const int MostDepth = 64;

    /// <summary>The texts, each with the step that it holds for the last time, counted from 1.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="steps">The number of steps.</param>
    public static IReadOnlyList<(int LastStep, string Text)> Read(string prompt, int steps)
    {
        List<(int LastStep, string Text)> texts = [];
        for (int step = 1; step <= steps; step++)
        {
            string text = At(prompt, step, steps);
            if (texts.Count > 0 && texts[^1].Text == text)
            {
                texts[^1] = (step, text);
            }
            else
            {
                texts.Add((step, text));
            }
        }

        return texts;
    }

    private static string At(string prompt, int step, int steps, int depth = 0)
    {
        StringBuilder text = new(prompt.Length);
        for (int i = 0; i < prompt.Length; i++)
        {
            if (prompt[i] == '\\' && i + 1 < prompt.Length)
            {
                _ = text.Append(prompt, i++, 2);
            }
            else if (prompt[i] == '[' && depth < MostDepth && FindParts(prompt, i, out int end) is { } bracket)
            {
                _ = text.Append(Choose(bracket, step, steps) is { } chosen ? At(chosen, step, steps, depth + 1) : $"[{At(prompt[(i + 1)..end], step, steps, depth + 1)}]");
                i = end;
            }
            else
            {
                _ = text.Append(prompt[i]);
            }
        }

        return text.ToString();
    }

    // What a bracket is at a step; null if it is one for weights. A number of steps goes before bars.
    private static string? Choose((List<string> ByColons, List<string> ByBars) bracket, int step, int steps)
    {
        (List<string> parts, List<string> turns) = bracket;
        if (parts.Count is 2 or 3 && ReadWhen(parts[^1], steps) is { } last)
        {
            string before = parts.Count == 3 ? parts[0] : "";
            return step <= last ? before : parts[^2];
        }

        return turns.Count > 1 ? turns[(step - 1) % turns.Count] : null;
    }

    private static int? ReadWhen(string text, int steps)
    {
        text = text.Trim();
        if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double when) || !double.IsFinite(when))
        {
            return null;
        }

        return (int)Math.Clamp(text.Contains('.', StringComparison.Ordinal) ? when * steps : when, int.MinValue, steps);
    }

    // The parts of a bracket that colons, and those that bars, divide outside of brackets within. Null where it does not end.
    private static (List<string> ByColons, List<string> ByBars)? FindParts(string prompt, int start, out int end)
    {
        List<int> bars = [], colons = [];
        int depth = 0;
        for (end = start; end < prompt.Length; end++)
        {
            switch (prompt[end])
            {
                case '\\':
                    end++;
                    break;
                case '[' or '(':
                    depth++;
                    break;
                case ')' or ']' when depth > 1:
                    depth--;
                    break;
                case ']':
                    return (Divide(prompt, start + 1, end, colons), Divide(prompt, start + 1, end, bars));
                case '|' when depth == 1:
                    bars.Add(end);
                    break;
                case ':' when depth == 1:
                    colons.Add(end);
                    break;
            }
        }

        return null;
    }

    private static List<string> Divide(string prompt, int start, int end, List<int> places)
    {
        List<string> parts = [];
        foreach (int place in places)
        {
            parts.Add(prompt[start..place]);
            start = place + 1;
        }

        parts.Add(prompt[start..end]);
        return parts;
    }
}
