using System.Text;

namespace OnnxStream.Interop.Language.Sampling;

/// <summary>Looks for the texts that end an answer, and holds back what may be the beginning of one.</summary>
internal sealed class StopStrings(IReadOnlyList<string> stops)
{
    private readonly StringBuilder _held = new();

    /// <summary>Whether one has been found.</summary>
    public bool IsFound { get; private set; }

    /// <summary>Takes the next piece of text.</summary>
    /// <returns>What is certain not to be part of a stop string.</returns>
    public string Add(string text)
    {
        if (IsFound || text.Length == 0)
        {
            return "";
        }

        if (stops.Count == 0)
        {
            return text;
        }

        string all = _held.Append(text).ToString();
        _held.Clear();
        int first = int.MaxValue;
        foreach (string stop in stops)
        {
            int place = stop.Length == 0 ? -1 : all.IndexOf(stop, StringComparison.Ordinal);
            first = place >= 0 ? Math.Min(first, place) : first;
        }

        if (first < int.MaxValue)
        {
            IsFound = true;
            return all[..first];
        }

        int held = 0;
        foreach (string stop in stops)
        {
            for (int length = Math.Min(stop.Length - 1, all.Length); length > held; length--)
            {
                if (all.AsSpan(all.Length - length).SequenceEqual(stop.AsSpan(0, length)))
                {
                    held = length;
                }
            }
        }

        _held.Append(all.AsSpan(all.Length - held));
        return all[..^held];
    }

    /// <summary>What was held back, at the end of the text.</summary>
    public string Flush()
    {
        string held = IsFound ? "" : _held.ToString();
        _held.Clear();
        return held;
    }
}
