namespace OnnxStream.Interop.Kernels;

/// <summary>How the elements of inputs are found for each element of a broadcast output: strides of 0 where an input repeats.</summary>
internal sealed class Broadcasting
{
    /// <summary>Joins dimensions that all inputs walk alike, so that the innermost runs are long.</summary>
    /// <param name="output">The output's shape.</param>
    /// <param name="inputs">The inputs' shapes.</param>
    public Broadcasting(Shape output, params ReadOnlySpan<Shape> inputs)
    {
        List<long> dimensions = [];
        List<long>[] strides = new List<long>[inputs.Length];
        long[][] full = new long[inputs.Length][];
        for (int k = 0; k < inputs.Length; k++)
        {
            strides[k] = [];
            full[k] = Strides(inputs[k], output);
        }

        for (int i = 0; i < output.Rank; i++)
        {
            if (output[i] == 1)
            {
                continue;
            }

            bool joins = dimensions.Count > 0;
            for (int k = 0; k < full.Length && joins; k++)
            {
                joins = strides[k][^1] == full[k][i] * output[i];
            }

            if (joins)
            {
                dimensions[^1] *= output[i];
            }
            else
            {
                dimensions.Add(output[i]);
            }

            for (int k = 0; k < full.Length; k++)
            {
                if (joins)
                {
                    strides[k][^1] = full[k][i];
                }
                else
                {
                    strides[k].Add(full[k][i]);
                }
            }
        }

        if (dimensions.Count == 0)
        {
            dimensions.Add(output.ElementCount);
            foreach (List<long> list in strides)
            {
                list.Add(1);
            }
        }

        InnerLength = dimensions[^1];
        OuterCount = output.ElementCount == 0 ? 0 : output.ElementCount / InnerLength;
        OuterDimensions = [.. dimensions[..^1]];
        InnerStrides = Array.ConvertAll(strides, list => list[^1]);
        OuterStrides = Array.ConvertAll(strides, list => list[..^1].ToArray());
    }

    /// <summary>The number of elements in an innermost run.</summary>
    public long InnerLength { get; }

    /// <summary>The number of runs.</summary>
    public long OuterCount { get; }

    /// <summary>The dimensions outside of the runs.</summary>
    public long[] OuterDimensions { get; }

    /// <summary>For each input, how far apart its elements are inside a run: 1, 0 if one element repeats, or more.</summary>
    public long[] InnerStrides { get; }

    private long[][] OuterStrides { get; }

    /// <summary>The index of the first element of input <paramref name="input"/> in run <paramref name="run"/>.</summary>
    public long Offset(int input, long run)
    {
        long[] strides = OuterStrides[input];
        long offset = 0;
        for (int i = strides.Length - 1; i >= 0; i--)
        {
            (run, long position) = Math.DivRem(run, OuterDimensions[i]);
            offset += position * strides[i];
        }

        return offset;
    }

    private static long[] Strides(Shape input, Shape output)
    {
        long[] own = input.RowMajorStrides();
        long[] strides = new long[output.Rank];
        for (int i = 0; i < input.Rank; i++)
        {
            strides[output.Rank - input.Rank + i] = input[i] == 1 ? 0 : own[i];
        }

        return strides;
    }
}
