namespace OnnxStream.Interop.Kernels;

/// <summary>A permutation with as few dimensions as it has without changing what moves where.</summary>
/// <param name="Lengths">The dimensions of the input.</param>
/// <param name="Order">For each dimension of the output, which one of the input it is.</param>
internal readonly record struct TransposeDimensions(long[] Lengths, int[] Order)
{
    /// <summary>Drops dimensions of 1 and joins dimensions that are neighbours before and after.</summary>
    /// <param name="input">The dimensions of the input.</param>
    /// <param name="permutation">For each dimension of the output, which one of the input it is.</param>
    public static TransposeDimensions Of(Shape input, ReadOnlySpan<int> permutation)
    {
        List<List<int>> groups = [];
        foreach (int axis in permutation)
        {
            if (input[axis] == 1)
            {
                continue;
            }

            bool joins = groups.Count > 0;
            if (joins)
            {
                for (int between = groups[^1][^1] + 1; between < axis && joins; between++)
                {
                    joins = input[between] == 1;
                }

                joins &= axis > groups[^1][^1];
            }

            if (joins)
            {
                groups[^1].Add(axis);
            }
            else
            {
                groups.Add([axis]);
            }
        }

        if (groups.Count == 0)
        {
            return new TransposeDimensions([1], [0]);
        }

        int[] starts = [.. groups.Select(group => group[0]).Order()];
        long[] lengths = new long[groups.Count];
        int[] order = new int[groups.Count];
        for (int i = 0; i < groups.Count; i++)
        {
            order[i] = Array.IndexOf(starts, groups[i][0]);
            long product = 1;
            foreach (int axis in groups[i])
            {
                product *= input[axis];
            }

            lengths[order[i]] = product;
        }

        return new TransposeDimensions(lengths, order);
    }
}
