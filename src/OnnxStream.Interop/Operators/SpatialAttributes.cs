using OnnxStream.Interop.Tensors;


namespace OnnxStream.Interop.Operators;

/// <summary>The attributes that convolutions and poolings share, with their defaults filled in.</summary>
/// <param name="Kernel">The kernel's size along each spatial dimension.</param>
/// <param name="Strides">Elements between two applications of the kernel.</param>
/// <param name="Dilations">Elements between two elements of the kernel.</param>
/// <param name="PadsBegin">Padding before the first element of each spatial dimension.</param>
/// <param name="PadsEnd">Padding behind the last.</param>
internal readonly record struct SpatialAttributes(long[] Kernel, long[] Strides, long[] Dilations, long[] PadsBegin, long[] PadsEnd)
{
    /// <summary>The largest value of an attribute: products of two never overflow.</summary>
    public const long Largest = 1 << 20;

    /// <summary>Reads <c>strides</c>, <c>dilations</c>, <c>pads</c> and <c>auto_pad</c>.</summary>
    /// <param name="context">The node.</param>
    /// <param name="kernel">The kernel's size.</param>
    /// <param name="input">The input's spatial dimensions.</param>
    /// <exception cref="InvalidGraphException">They have wrong lengths or values.</exception>
    public static SpatialAttributes Parse(NodeContext context, long[] kernel, ReadOnlySpan<long> input)
    {
        int rank = kernel.Length;
        long[] strides = Checked(context, "strides", rank, 1) ?? Filled(rank, 1);
        long[] dilations = Checked(context, "dilations", rank, 1) ?? Filled(rank, 1);
        long[] pads = Checked(context, "pads", 2 * rank, 0) ?? new long[2 * rank];
        foreach (long size in kernel)
        {
            if (size is < 1 or > Largest)
            {
                throw context.Invalid($"the kernel shape [{Listing.Of(kernel)}] is not possible");
            }
        }

        long[] begin = pads[..rank];
        long[] end = pads[rank..];
        string automatic = context.Attributes.String("auto_pad", "NOTSET");
        switch (automatic)
        {
            case "NOTSET" or "":
                break;
            case "VALID":
                begin = new long[rank];
                end = new long[rank];
                break;
            case "SAME_UPPER" or "SAME_LOWER":
                for (int i = 0; i < rank; i++)
                {
                    long output = (input[i] + strides[i] - 1) / strides[i];
                    long total = Math.Max(0, (output - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 - input[i]);
                    begin[i] = automatic == "SAME_UPPER" ? total / 2 : total - total / 2;
                    end[i] = total - begin[i];
                }

                break;
            default:
                throw context.Invalid($"auto_pad '{automatic}' is not one of NOTSET, VALID, SAME_UPPER, SAME_LOWER");
        }

        return new SpatialAttributes(kernel, strides, dilations, begin, end);
    }

    /// <summary>How many times the kernel fits along spatial dimension <paramref name="i"/>.</summary>
    /// <param name="context">The node.</param>
    /// <param name="i">The dimension.</param>
    /// <param name="input">The input's size along it.</param>
    /// <param name="roundUp">Whether a kernel that only begins inside counts (<c>ceil_mode</c>).</param>
    public long OutputSize(NodeContext context, int i, long input, bool roundUp = false)
    {
        long room = input + PadsBegin[i] + PadsEnd[i] - ((Kernel[i] - 1) * Dilations[i] + 1);
        if (room < 0)
        {
            throw context.Invalid($"the kernel ({Kernel[i]}, dilation {Dilations[i]}) is larger than the padded input ({input + PadsBegin[i] + PadsEnd[i]})");
        }

        long size = room / Strides[i] + 1;
        if (roundUp && room % Strides[i] != 0 && size * Strides[i] < input + PadsBegin[i])
        {
            // A window that would start in the padding behind the input does not count.
            size++;
        }

        return size;
    }

    /// <summary>The same with a kernel dimension of 1 put before or behind, to turn one dimension into two.</summary>
    public SpatialAttributes As2D() => Kernel.Length == 2 ? this : new([1, Kernel[0]], [1, Strides[0]], [1, Dilations[0]], [0, PadsBegin[0]], [0, PadsEnd[0]]);

    private static long[] Filled(int rank, long value)
    {
        long[] values = new long[rank];
        Array.Fill(values, value);
        return values;
    }

    private static long[]? Checked(NodeContext context, string name, int count, long least)
    {
        if (context.Attributes.Ints(name) is not { Length: > 0 } values)
        {
            return null;
        }

        if (values.Length != count)
        {
            throw context.Invalid($"attribute '{name}' has {values.Length} elements, expected {count}");
        }

        foreach (long value in values)
        {
            if (value < least || value > Largest)
            {
                throw context.Invalid($"attribute '{name}' is [{Listing.Of(values)}]: each must be from {least} to {Largest}");
            }
        }

        return [.. values];
    }
}
