using System.Collections;

namespace OnnxStream.Interop;

/// <summary>Tensors of one element type in an order, each of a shape of its own: ONNX's <c>seq(tensor)</c>. It may be empty.</summary>
public sealed class TensorSequence : OnnxValue, IReadOnlyList<TensorBuffer>
{
    private readonly TensorBuffer[] _tensors;

    /// <summary>Makes a sequence of tensors, which are not copied.</summary>
    /// <param name="elementType">The type of the elements of all of them.</param>
    /// <param name="tensors">The tensors.</param>
    /// <exception cref="ArgumentException">A tensor is null or has elements of another type.</exception>
    public TensorSequence(ElementType elementType, params IEnumerable<TensorBuffer> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        ElementType = elementType;
        _tensors = [.. tensors];
        for (int i = 0; i < _tensors.Length; i++)
        {
            if (_tensors[i]?.ElementType != elementType)
            {
                throw new ArgumentException($"Tensor {i} of a sequence of {elementType.ToOnnxName()} is {(_tensors[i] is { } tensor ? $"a {tensor}" : "null")}.", nameof(tensors));
            }
        }
    }

    /// <summary>The type of the elements of all tensors.</summary>
    public ElementType ElementType { get; }

    /// <summary>How many tensors there are.</summary>
    public int Count => _tensors.Length;

    /// <summary>The tensor at a position, from 0 on.</summary>
    /// <exception cref="IndexOutOfRangeException">There is none.</exception>
    public TensorBuffer this[int index] => _tensors[index];

    /// <inheritdoc/>
    public IEnumerator<TensorBuffer> GetEnumerator() => _tensors.AsEnumerable().GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => _tensors.GetEnumerator();

    /// <summary>As in <c>seq(float) of 3</c>.</summary>
    public override string ToString() => $"seq({ElementType.ToOnnxName()}) of {Count}";
}
