namespace OnnxStream.Interop.Language.Grammars;

/// <summary>A set of Unicode's code points. Halves of surrogate pairs are never in it.</summary>
internal sealed class CodePointSet
{
    /// <summary>The largest code point.</summary>
    public const int Last = 0x10FFFF;

    private CodePointSet((int First, int Last)[] ranges) => Ranges = ranges;

    /// <summary>All code points.</summary>
    public static CodePointSet All { get; } = Of((0, Last));

    /// <summary>The ranges, ascending, with gaps between them.</summary>
    public IReadOnlyList<(int First, int Last)> Ranges { get; }

    /// <summary>A set of ranges, which may overlap.</summary>
    public static CodePointSet Of(params IEnumerable<(int First, int Last)> ranges)
    {
        List<(int First, int Last)> merged = [];
        foreach ((int first, int last) in ranges.SelectMany(WithoutSurrogates).OrderBy(range => range.First))
        {
            if (merged.Count > 0 && first <= merged[^1].Last + 1)
            {
                merged[^1] = (merged[^1].First, Math.Max(merged[^1].Last, last));
            }
            else
            {
                merged.Add((first, last));
            }
        }

        return new CodePointSet([.. merged]);
    }

    /// <summary>Whether a code point is in it.</summary>
    public bool Contains(int codePoint) => Ranges.Any(range => range.First <= codePoint && codePoint <= range.Last);

    /// <summary>The code points that are not in it.</summary>
    public CodePointSet Complement()
    {
        List<(int, int)> gaps = [];
        int next = 0;
        foreach ((int first, int last) in Ranges)
        {
            if (next < first)
            {
                gaps.Add((next, first - 1));
            }

            next = last + 1;
        }

        if (next <= Last)
        {
            gaps.Add((next, Last));
        }

        return Of(gaps);
    }

    /// <summary>The code points of both sets.</summary>
    public CodePointSet Union(CodePointSet other) => Of(Ranges.Concat(other.Ranges));

    /// <summary>The code points that are not in the other set.</summary>
    public CodePointSet Except(CodePointSet other) => Complement().Union(other).Complement();

    private static IEnumerable<(int First, int Last)> WithoutSurrogates((int First, int Last) range)
    {
        if (range.First < 0xD800 && range.First <= range.Last)
        {
            yield return (range.First, Math.Min(range.Last, 0xD7FF));
        }

        if (range.Last > 0xDFFF && range.First <= range.Last)
        {
            yield return (Math.Max(range.First, 0xE000), range.Last);
        }
    }
}
