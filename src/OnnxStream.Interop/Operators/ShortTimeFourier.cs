using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>STFT: Fourier transforms of windows that move over a signal. https://onnx.ai/onnx/operators/onnx__STFT.html (opset 17).</summary>
internal sealed class ShortTimeFourier : FunctionOperator
{
    // Twenty minutes of speech in the usual windows; the positions of all are listed in memory.
    private const long MaximumPositions = 1L << 26;

    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        Shape signal = context.InputShape(0);
        if (signal.Rank is not (2 or 3) || (signal.Rank == 3 && signal[2] is not (1 or 2)))
        {
            throw context.Invalid("the signal must be [batch, length, 1 or 2]");
        }

        long step = context.RequireInteger(1);
        long length = context.HasInput(3) ? context.RequireInteger(3) : context.HasInput(2) ? context.InputShape(2).ElementCount : throw context.Invalid("neither a window nor its length is given");
        if (step < 1 || length < 1 || length > signal[1] || (context.HasInput(2) && context.InputShape(2) != new Shape(length)))
        {
            throw context.Invalid($"windows of {length} that move by {step} do not fit a signal of {signal[1]} or the window that is given");
        }

        long frames = (signal[1] - length) / step + 1;
        if (frames > MaximumPositions / length)
        {
            throw context.Unsupported($"a transform of {frames:N0} windows of {length:N0}, more than {MaximumPositions:N0} numbers in all,");
        }

        long[] positions = new long[frames * length];
        for (long i = 0; i < positions.Length; i++)
        {
            positions[i] = i / length * step + i % length;
        }

        long parts = signal.Rank == 3 ? signal[2] : 1;
        Value framed = context.Add("Gather", [context.Reshape(context.Input(0), signal[0], signal[1], parts), context.Constant<long>(positions, frames, length)], ("axis", 1));
        if (context.OptionalInput(2) is { } window)
        {
            framed = context.Add("Mul", [framed, context.Reshape(window, length, 1)]);
        }

        bool isOneSided = context.Attributes.Int("onesided", 1) != 0;
        context.SetOutput(0, context.Add("DFT", [framed, null, context.Constant<long>([2])], ("onesided", isOneSided && parts == 1 ? 1 : 0)));
    }
}
