namespace OnnxStream.Interop.Language.Tokenizers.PreTokenizers;

/// <summary>Divides a text where a pattern occurs, or where it does not.</summary>
internal sealed class SplitPreTokenizer(TextPattern pattern, SplitBehavior behavior, bool invert) : PreTokenizer
{
    /// <summary>What BERT calls punctuation: ASCII's signs as well.</summary>
    public const string Punctuation = @"[\p{P}!-/:-@\[-`{-~]";

    /// <inheritdoc/>
    public override IEnumerable<string> Split(string text, bool isFirst)
    {
        // The whole text, place by place: whether the pattern divides there.
        List<(Range Place, bool IsMatch)> places = [];
        int last = 0;
        foreach (Range match in pattern.FindAll(text))
        {
            Add(last..match.Start.Value, invert);
            Add(match, !invert);
            last = match.End.Value;
        }

        Add(last..text.Length, invert);
        List<string> pieces = [];
        int start = 0;
        for (int i = 0; i < places.Count; i++)
        {
            (Range place, bool isMatch) = places[i];
            int to = place.End.Value;
            bool isNextMatch = i + 1 < places.Count && places[i + 1].IsMatch;
            switch (behavior)
            {
                case SplitBehavior.Removed when isMatch:
                    start = to;
                    break;
                case SplitBehavior.MergedWithPrevious when !isMatch && isNextMatch:
                case SplitBehavior.MergedWithNext when isMatch && i + 1 < places.Count && !isNextMatch:
                case SplitBehavior.Contiguous when i + 1 < places.Count && isMatch == isNextMatch:
                    break;
                default:
                    pieces.Add(text[start..to]);
                    start = to;
                    break;
            }

        }

        return pieces;

        void Add(Range place, bool isMatch)
        {
            if (place.Start.Value < place.End.Value)
            {
                places.Add((place, isMatch));
            }
        }
    }
}
