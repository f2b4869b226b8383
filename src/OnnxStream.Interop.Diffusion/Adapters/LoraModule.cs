using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Diffusion.Adapters;

/// <summary>What a file of adapters adds to the weight of one module.</summary>
/// <param name="name">The module, in the form of <see cref="ModuleName"/>.</param>
/// <param name="component">The model that has it.</param>
/// <param name="file">The file.</param>
/// <param name="parts">Its tensors by what they are: <c>up</c>, <c>down</c>, <c>alpha</c> and so on.</param>
internal sealed class LoraModule(string name, PipelineComponent component, SafetensorsFile file, IReadOnlyDictionary<string, SafetensorsTensor> parts)
{
    private WeakReference<WeightDelta>? _delta;

    /// <summary>The module.</summary>
    public string Name => name;

    /// <summary>The model that has it.</summary>
    public PipelineComponent Component => component;

    /// <summary>The number of outputs.</summary>
    public int Outputs { get; private set; }

    /// <summary>The numbers of one output.</summary>
    public int PerOutput { get; private set; }

    /// <summary>What the delta is multiplied by.</summary>
    public float Scale { get; private set; } = 1;

    /// <summary>Finds the size of the delta from the shapes of its tensors.</summary>
    /// <exception cref="ModelFormatException">Tensors are missing, do not belong together, or are of a kind that is not known.</exception>
    public void Check()
    {
        if (parts.Keys.FirstOrDefault(part => part is "dora_scale" or "tucker" or "other") is { } unknown)
        {
            throw Wrong($"'{parts[unknown].Name}' is of a kind that cannot be merged; expected LoRA, LoHa, LoKr or whole differences");
        }

        int rank = 0;
        if (parts.ContainsKey("up"))
        {
            (SafetensorsTensor up, SafetensorsTensor down) = (Part("up"), Part("down"));
            rank = Size(down, 0);
            int kernel = parts.TryGetValue("mid", out SafetensorsTensor? mid) ? checked((int)(Count(mid) / ((long)rank * rank))) : 1;
            Require(Size(up, 1) == rank && Count(up) == (long)Size(up, 0) * rank && (mid is null || (Count(mid) == (long)rank * rank * kernel && Count(down) == (long)rank * Size(down, 1))));
            (Outputs, PerOutput) = (Size(up, 0), checked((int)(Count(down) / rank) * kernel));
        }
        else if (parts.ContainsKey("hada_w1_a"))
        {
            SafetensorsTensor first = Part("hada_w1_a"), second = Part("hada_w2_a"), firstDown = Part("hada_w1_b"), secondDown = Part("hada_w2_b");
            rank = Size(firstDown, 0);
            (Outputs, PerOutput) = (Size(first, 0), checked((int)(Count(firstDown) / rank)));
            Require(Count(first) == (long)Outputs * rank && Count(second) == (long)Outputs * Size(secondDown, 0) && Count(secondDown) == (long)PerOutput * Size(secondDown, 0));
        }
        else if (parts.ContainsKey("lokr_w1") || parts.ContainsKey("lokr_w1_a"))
        {
            (int rows, int columns, int firstRank) = KroneckerSide("lokr_w1");
            (int innerRows, int innerColumns, int secondRank) = KroneckerSide("lokr_w2");
            rank = secondRank > 0 ? secondRank : firstRank;
            (Outputs, PerOutput) = (checked(rows * innerRows), checked(columns * innerColumns));
        }
        else
        {
            SafetensorsTensor whole = Part("diff");
            Outputs = Size(whole, 0);
            PerOutput = checked((int)(Count(whole) / Outputs));
        }

        if (rank > 0 && parts.TryGetValue("alpha", out SafetensorsTensor? alpha))
        {
            Require(Count(alpha) == 1);
            Scale = file.ReadSingles(alpha)[0] / rank;
            Require(float.IsFinite(Scale));
        }
    }

    /// <summary>The delta. It is read when it is needed, and kept as long as there is memory for it.</summary>
    public WeightDelta Read()
    {
        if (_delta is { } kept && kept.TryGetTarget(out WeightDelta? delta))
        {
            return delta;
        }

        delta = ReadDelta();
        _delta = new WeakReference<WeightDelta>(delta);
        return delta;
    }

    private WeightDelta ReadDelta()
    {
        if (parts.ContainsKey("up"))
        {
            float[] down = Numbers("down");
            return new LowRankDelta(Numbers("up"), parts.ContainsKey("mid") ? Widen(down, Numbers("mid"), Size(Part("down"), 0)) : down, Outputs, PerOutput);
        }

        if (parts.ContainsKey("hada_w1_a"))
        {
            return new HadamardDelta(new LowRankDelta(Numbers("hada_w1_a"), Numbers("hada_w1_b"), Outputs, PerOutput), new LowRankDelta(Numbers("hada_w2_a"), Numbers("hada_w2_b"), Outputs, PerOutput));
        }

        if (!parts.ContainsKey("lokr_w1") && !parts.ContainsKey("lokr_w1_a"))
        {
            return new FullDelta(Numbers("diff"), Outputs);
        }

        (int rows, int columns, _) = KroneckerSide("lokr_w1");
        (int innerRows, int innerColumns, _) = KroneckerSide("lokr_w2");
        int kernel = parts.TryGetValue("lokr_w2", out SafetensorsTensor? inner) ? innerColumns / Size(inner, 1) : 1;
        return new KroneckerDelta(Side("lokr_w1", rows, columns), rows, columns, Side("lokr_w2", innerRows, innerColumns), innerRows, innerColumns / kernel, kernel);
    }

    // down [rank, inputs] and mid [rank, rank, kernel] as one matrix [rank, inputs * kernel].
    private static float[] Widen(float[] down, float[] mid, int rank)
    {
        int inputs = down.Length / rank, kernel = mid.Length / (rank * rank);
        float[] wide = new float[rank * inputs * kernel];
        for (int p = 0; p < rank; p++)
        {
            for (int q = 0; q < rank; q++)
            {
                for (int input = 0; input < inputs; input++)
                {
                    for (int k = 0; k < kernel; k++)
                    {
                        wide[(((p * inputs) + input) * kernel) + k] += mid[(((p * rank) + q) * kernel) + k] * down[(q * inputs) + input];
                    }
                }
            }
        }

        return wide;
    }

    // The rows and columns of one side of a Kronecker product, and its rank where it is a product itself.
    private (int Rows, int Columns, int Rank) KroneckerSide(string name)
    {
        if (parts.TryGetValue(name, out SafetensorsTensor? whole))
        {
            return (Size(whole, 0), checked((int)(Count(whole) / Size(whole, 0))), 0);
        }

        SafetensorsTensor up = Part(name + "_a"), down = Part(name + "_b");
        Require(Size(up, 1) == Size(down, 0) && Count(up) == (long)Size(up, 0) * Size(up, 1));
        return (Size(up, 0), checked((int)(Count(down) / Size(down, 0))), Size(down, 0));
    }

    private float[] Side(string name, int rows, int columns)
    {
        if (parts.ContainsKey(name))
        {
            return Numbers(name);
        }

        LowRankDelta product = new(Numbers(name + "_a"), Numbers(name + "_b"), rows, columns);
        float[] whole = new float[rows * columns];
        for (int row = 0; row < rows; row++)
        {
            product.Add(1, row, 0, whole.AsSpan(row * columns, columns));
        }

        return whole;
    }

    private float[] Numbers(string part) => file.ReadSingles(Part(part));

    private SafetensorsTensor Part(string part) => parts.TryGetValue(part, out SafetensorsTensor? tensor) ? tensor : throw Wrong($"the tensor '{part}' is missing; there are {string.Join(", ", parts.Values.Select(value => value.Name))}");

    private int Size(SafetensorsTensor tensor, int dimension) => tensor.Shape.Rank > dimension && tensor.Shape[dimension] is > 0 and <= int.MaxValue and var size ? (int)size : throw Wrong($"'{tensor.Name}' has the shape {tensor.Shape}");

    private static long Count(SafetensorsTensor tensor) => tensor.Shape.ElementCount;

    private void Require(bool fits)
    {
        if (!fits)
        {
            throw Wrong($"the shapes {string.Join(", ", parts.Values.Select(value => $"{value.Name} {value.Shape}"))} do not belong together");
        }
    }

    private ModelFormatException Wrong(string what) => new(file.Source.Id, $"{what}.");
}
