using System.Runtime.InteropServices;
using System.Text;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>What inference and lowering both see of a node.</summary>
internal abstract class NodeContext(Node node)
{
    /// <summary>The node.</summary>
    public Node Node { get; } = node;

    /// <summary>Its attributes.</summary>
    public Attributes Attributes => Node.Attributes;

    /// <summary>What a rewrite says about the node, for operators that only rewrites make.</summary>
    public T Fusion<T>()
        where T : NodeFusion => Node.Fusion as T ?? throw new InvalidOperationException($"{Node} has no {typeof(T).Name}, which the rewrite that made it must give.");

    /// <summary>The version of its domain that the model imports.</summary>
    public int OperatorSet => Node.OperatorSet;

    /// <summary>The number of inputs, omitted ones in the middle included.</summary>
    public int InputCount => Node.Inputs.Length;

    /// <summary>The number of outputs, unused ones in the middle included.</summary>
    public int OutputCount => Node.Outputs.Length;

    /// <summary>Whether input <paramref name="index"/> is given.</summary>
    public bool HasInput(int index) => index < Node.Inputs.Length && Node.Inputs[index] is not null;

    /// <summary>Whether output <paramref name="index"/> is asked for.</summary>
    public bool HasOutput(int index) => index < Node.Outputs.Length && Node.Outputs[index] is not null;

    /// <summary>The type of input <paramref name="index"/>.</summary>
    /// <exception cref="InvalidGraphException">The input is left out.</exception>
    public TensorType InputType(int index) =>
        HasInput(index) ? Node.Inputs[index]!.Type!.Value : throw Invalid($"input {index} is missing");

    /// <summary>The shape of input <paramref name="index"/>.</summary>
    public Shape InputShape(int index) => InputType(index).Shape;

    /// <summary>The element type of input <paramref name="index"/>.</summary>
    public ElementType InputElementType(int index) => InputType(index).ElementType;

    /// <summary>The data of input <paramref name="index"/>, in memory or in a file, if it is constant; else null.</summary>
    public Constant? ConstantInput(int index) => HasInput(index) ? Node.Inputs[index]!.Constant : null;

    /// <summary>The shape of output <paramref name="index"/>, which is asked for and has been inferred.</summary>
    public Shape OutputShape(int index) => Node.Outputs[index]!.Type!.Value.Shape;

    /// <summary>The element type of output <paramref name="index"/>, which is asked for and has been inferred.</summary>
    public ElementType OutputElementType(int index) => Node.Outputs[index]!.Type!.Value.ElementType;

    /// <summary>The elements of a constant input as bytes.</summary>
    /// <exception cref="ValueRequiredException">The input is not constant: planning must wait until it is known.</exception>
    public byte[] RequireBytes(int index)
    {
        _ = InputType(index);
        return ReadConstant(index) ?? throw new ValueRequiredException(Node.Inputs[index]!);
    }

    /// <summary>The integers of a constant int64 or int32 input.</summary>
    /// <exception cref="ValueRequiredException">The input is not constant: planning must wait until it is known.</exception>
    public long[] RequireIntegers(int index)
    {
        CheckIndices(index);
        byte[] data = RequireBytes(index);
        return InputElementType(index) == ElementType.Int64
            ? MemoryMarshal.Cast<byte, long>(data).ToArray()
            : Array.ConvertAll(MemoryMarshal.Cast<byte, int>(data).ToArray(), value => (long)value);
    }

    /// <summary>The only integer of a constant int64 or int32 input.</summary>
    /// <exception cref="InvalidGraphException">It has none, or several.</exception>
    /// <exception cref="ValueRequiredException">The input is not constant: planning must wait until it is known.</exception>
    public long RequireInteger(int index) =>
        InputShape(index).ElementCount == 1 ? RequireIntegers(index)[0] : throw Invalid($"input {index} must be a single integer");

    /// <summary>The numbers of a constant float input.</summary>
    /// <exception cref="ValueRequiredException">The input is not constant: planning must wait until it is known.</exception>
    public float[] RequireFloats(int index)
    {
        ReadOnlySpan<byte> data = RequireBytes(index);
        return InputElementType(index) switch
        {
            ElementType.Float32 => MemoryMarshal.Cast<byte, float>(data).ToArray(),
            ElementType.Float16 => Array.ConvertAll(MemoryMarshal.Cast<byte, Half>(data).ToArray(), value => (float)value),
            ElementType.Float64 => Array.ConvertAll(MemoryMarshal.Cast<byte, double>(data).ToArray(), value => (float)value),
            _ => throw Invalid($"input {index} must be a floating-point tensor"),
        };
    }

    /// <summary>The integers of an int64 or int32 input, or null if they are not known.</summary>
    public long[]? TryIntegers(int index)
    {
        CheckIndices(index);
        return ConstantInput(index) is null ? null : RequireIntegers(index);
    }

    /// <summary>Integers that are an attribute in old operator sets and an input in newer ones; null if they are left out.</summary>
    /// <param name="name">The attribute.</param>
    /// <param name="inputFrom">The first operator set in which they are an input.</param>
    /// <param name="index">The input.</param>
    /// <exception cref="ValueRequiredException">The input is not constant: planning must wait until it is known.</exception>
    public long[]? AttributeOrInput(string name, int inputFrom, int index) =>
        OperatorSet < inputFrom ? Attributes.Ints(name) : HasInput(index) ? RequireIntegers(index) : null;

    /// <summary>Throws unless input <paramref name="index"/> is int64 or int32.</summary>
    /// <exception cref="InvalidGraphException">It is not.</exception>
    public void CheckIndices(int index)
    {
        if (InputElementType(index) is not (ElementType.Int64 or ElementType.Int32))
        {
            throw Invalid($"input {index} must be int64 or int32");
        }
    }

    /// <summary>The shape of these dimensions.</summary>
    /// <exception cref="InvalidGraphException">One is negative.</exception>
    public Shape ToShape(ReadOnlySpan<long> dimensions)
    {
        foreach (long dimension in dimensions)
        {
            if (dimension < 0)
            {
                throw Invalid($"[{Listing.Of(dimensions.ToArray())}] is not a shape");
            }
        }

        return new Shape(dimensions);
    }

    /// <summary>Turns a possibly negative axis into one from 0 to <paramref name="rank"/> - 1.</summary>
    /// <exception cref="InvalidGraphException">It is out of range.</exception>
    public int Axis(long axis, int rank)
    {
        if (axis < -rank || axis >= rank)
        {
            throw Invalid($"axis {axis} is outside of a tensor with {rank} dimensions");
        }

        return (int)(axis < 0 ? axis + rank : axis);
    }

    /// <summary>As <see cref="Axis"/>, for several different ones.</summary>
    public int[] Axes(ReadOnlySpan<long> axes, int rank)
    {
        int[] result = new int[axes.Length];
        for (int i = 0; i < axes.Length; i++)
        {
            result[i] = Axis(axes[i], rank);
            if (Array.IndexOf(result, result[i], 0, i) >= 0)
            {
                throw Invalid($"axis {axes[i]} is given twice");
            }
        }

        return result;
    }

    /// <summary>The shape that tensors of both shapes are broadcast to, by NumPy's rule.</summary>
    /// <exception cref="InvalidGraphException">They do not fit together.</exception>
    public Shape Broadcast(Shape left, Shape right)
    {
        long[] result = new long[Math.Max(left.Rank, right.Rank)];
        for (int i = 1; i <= result.Length; i++)
        {
            long a = i <= left.Rank ? left[^i] : 1;
            long b = i <= right.Rank ? right[^i] : 1;
            if (a != b && a != 1 && b != 1)
            {
                throw Invalid($"shapes {left} and {right} cannot be broadcast together");
            }

            result[^i] = a == 1 ? b : a;
        }

        return new Shape(result);
    }

    /// <summary>An exception that says what is wrong with this node.</summary>
    public InvalidGraphException Invalid(string problem) => new($"{Describe()}: {problem}.");

    /// <summary>An exception that says which valid variant of the operator is not supported.</summary>
    public UnsupportedOperatorException Unsupported(string variant) => new($"{Describe()}: {variant} is not supported.");

    /// <summary>The elements of an input as bytes; null if it is not constant.</summary>
    private protected byte[]? ReadConstant(int index)
    {
        Constant? constant = ConstantInput(index);
        if (constant?.Location is not null && constant.StoredType == constant.Type.ElementType)
        {
            byte[] data = new byte[checked((int)constant.Type.ByteLength)];
            constant.ReadElements(data);
            return data;
        }

        return constant?.Data;
    }

    private string Describe()
    {
        StringBuilder text = new(Node.ToString());
        text.Append(" (inputs ");
        text.AppendJoin(", ", Node.Inputs.Select(input => input?.Type?.ToString() ?? (input is null ? "none" : "?")));
        return text.Append(')').ToString();
    }
}
