using System.Numerics;

namespace OnnxStream.Interop.Kernels;

/// <summary>Computes elements with a scale and a zero point, which some or all of them share. Inputs of the step: data, scales, then the zero points if there are any.</summary>
/// <param name="runs">The data in pieces.</param>
/// <param name="hasZeroPoints">Whether there are zero points.</param>
internal abstract unsafe class QuantizationKernel<TInput, TScale, TZeroPoint, TOutput>(QuantizationRuns runs, bool hasZeroPoints) : RowKernel(runs.Count, runs.Length * Math.Max(sizeof(TInput), sizeof(TOutput)))
    where TInput : unmanaged, INumber<TInput>
    where TScale : unmanaged, INumber<TScale>
    where TZeroPoint : unmanaged, INumber<TZeroPoint>
    where TOutput : unmanaged, INumber<TOutput>
{
    /// <summary>The most elements that are computed at once.</summary>
    protected const int Chunk = 512;

    /// <summary>Whether each element of a chunk has a scale and a zero point of its own; otherwise there is one of each.</summary>
    protected bool HasScalePerElement => runs.HasScalePerElement;

    /// <inheritdoc/>
    protected sealed override void ComputeRows(KernelContext context, long first, long end)
    {
        Span<float> values = stackalloc float[Chunk];
        Span<float> parameters = stackalloc float[HasScalePerElement ? Chunk : 0];
        for (long run = first; run < end; run++)
        {
            TInput* input = (TInput*)context.Input(0) + run * runs.Length;
            TOutput* output = (TOutput*)context.Output(0) + run * runs.Length;
            TScale* scales = (TScale*)context.Input(1) + runs.Scale(run);
            TZeroPoint* zeroPoints = hasZeroPoints ? (TZeroPoint*)context.Input(2) + runs.Scale(run) : null;
            int length = runs.LengthOf(run);
            for (int start = 0; start < length; start += Chunk)
            {
                int count = Math.Min(Chunk, length - start);
                int parameter = HasScalePerElement ? start : 0;
                Compute(input + start, scales + parameter, zeroPoints is null ? null : zeroPoints + parameter, output + start, values[..count], HasScalePerElement ? parameters[..count] : []);
            }
        }
    }

    /// <summary>Computes some elements.</summary>
    /// <param name="input">The data.</param>
    /// <param name="scales">The scale, or one for each element.</param>
    /// <param name="zeroPoints">The zero point, or one for each element; null for none.</param>
    /// <param name="output">Receives the results.</param>
    /// <param name="values">Memory for a number for each element.</param>
    /// <param name="parameters">Memory for another, if each has a scale of its own.</param>
    protected abstract void Compute(TInput* input, TScale* scales, TZeroPoint* zeroPoints, TOutput* output, Span<float> values, Span<float> parameters);
}
