using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Linear attention: one state of keys by values for each head of an item, which takes up each position and is asked by its queries.</summary>
/// <remarks>
/// Everything is in single precision. Output 1 is the state, and is worked on where it is. A position costs two passes over the state at
/// most, beside one for each query: the state is small enough to stay in a processor's cache.
/// </remarks>
/// <param name="geometry">The sizes.</param>
/// <param name="past">The index of the input with the state of before; -1 for zeros.</param>
/// <param name="decay">The index of the input with the logarithms of what the state is multiplied with; -1 for none.</param>
/// <param name="beta">The index of the input with the parts of the difference that is written; -1 to write the value itself.</param>
internal sealed unsafe class LinearAttentionKernel(LinearAttentionGeometry geometry, int past, int decay, int beta) :
    RowKernel(geometry.Items * geometry.Heads, geometry.Positions * geometry.KeySize * geometry.ValueSize * sizeof(float))
{
    private readonly int _keySize = geometry.KeySize;
    private readonly int _valueSize = geometry.ValueSize;

    /// <inheritdoc/>
    public override string Name => "linear attention";

    /// <inheritdoc/>
    public override long Flops => geometry.Items * geometry.Heads * geometry.Positions * geometry.KeySize * geometry.ValueSize * 2L * (1 + geometry.Group + (beta >= 0 ? 1 : 0));

    /// <inheritdoc/>
    public override long ScratchBytes => checked(geometry.Items * geometry.Heads * geometry.ValueSize * sizeof(float));

    /// <inheritdoc/>
    protected override void ComputeRows(KernelContext context, long first, long end)
    {
        for (long row = first; row < end; row++)
        {
            long size = (long)_keySize * _valueSize;
            float* state = (float*)context.Output(1) + row * size;
            if (past >= 0)
            {
                Buffer.MemoryCopy((float*)context.Input(past) + row * size, state, size * sizeof(float), size * sizeof(float));
            }
            else
            {
                new Span<float>(state, checked((int)size)).Clear();
            }

            (long item, long head) = Math.DivRem(row, geometry.Heads);
            for (long position = 0; position < geometry.Positions; position++)
            {
                context.CancellationToken.ThrowIfCancellationRequested();
                Step(context, state, item * geometry.Positions + position, head, new Span<float>((float*)context.Scratch + row * _valueSize, _valueSize));
            }
        }
    }

    // A token: an item and a position of it.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Step(KernelContext context, float* state, long token, long head, Span<float> written)
    {
        float* key = (float*)context.Input(1) + (token * geometry.Heads + head) * _keySize;
        if (decay >= 0)
        {
            float* logarithm = (float*)context.Input(decay) + (geometry.IsDecayOfKeys ? (token * geometry.Heads + head) * _keySize : token * geometry.Heads + head);
            for (int i = 0; i < _keySize; i++)
            {
                Span<float> row = Row(state, i);
                TensorPrimitives.Multiply(row, MathF.Exp(logarithm[geometry.IsDecayOfKeys ? i : 0]), row);
            }
        }

        // What is written for this key: the value, or a part of what the state lacks of it.
        new ReadOnlySpan<float>((float*)context.Input(2) + (token * geometry.Heads + head) * _valueSize, _valueSize).CopyTo(written);
        if (beta >= 0)
        {
            for (int i = 0; i < _keySize; i++)
            {
                TensorPrimitives.MultiplyAdd(Row(state, i), -key[i], written, written);
            }

            TensorPrimitives.Multiply(written, ((float*)context.Input(beta))[geometry.IsBetaOfHeads ? token * geometry.Heads + head : token], written);
        }

        for (int i = 0; i < _keySize; i++)
        {
            Span<float> row = Row(state, i);
            TensorPrimitives.MultiplyAdd(written, key[i], row, row);
        }

        for (long query = head * geometry.Group; query < (head + 1) * geometry.Group; query++)
        {
            long place = token * geometry.Heads * geometry.Group + query;
            float* asked = (float*)context.Input(0) + place * _keySize;
            Span<float> result = new((float*)context.Output(0) + place * _valueSize, _valueSize);
            result.Clear();
            for (int i = 0; i < _keySize; i++)
            {
                TensorPrimitives.MultiplyAdd(Row(state, i), asked[i] * geometry.Scale, result, result);
            }
        }
    }

    private Span<float> Row(float* state, int key) => new(state + (long)key * _valueSize, _valueSize);
}
