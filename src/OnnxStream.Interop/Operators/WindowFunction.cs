using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Operators;

/// <summary>HannWindow, HammingWindow, BlackmanWindow: a0 - a1 cos(2πk/N) + a2 cos(4πk/N). https://onnx.ai/onnx/operators/onnx__HannWindow.html (opset 17).</summary>
/// <param name="a0">The constant term.</param>
/// <param name="a1">The factor of the first cosine.</param>
/// <param name="a2">The factor of the second cosine.</param>
/// <remarks>N is the size, or one less where <c>periodic</c> is 0. The window is a constant of the plan.</remarks>
internal sealed class WindowFunction(double a0, double a1, double a2) : FunctionOperator
{
    private const long MaximumSize = 1 << 24;

    /// <inheritdoc/>
    public override void Expand(FunctionContext context)
    {
        if (context.RequireIntegers(0) is not [>= 0 and <= MaximumSize and long size])
        {
            throw context.Invalid($"the size must be a single number from 0 to {MaximumSize:N0}");
        }

        double step = 2 * Math.PI / Math.Max(1, context.Attributes.Int("periodic", 1) != 0 ? size : size - 1);
        double[] window = new double[size];
        for (int k = 0; k < size; k++)
        {
            window[k] = a0 - a1 * Math.Cos(k * step) + a2 * Math.Cos(2 * k * step);
        }

        Value values = context.Constant<double>(window, size);
        context.SetOutput(0, context.Cast(values, (ElementType)context.Attributes.Int("output_datatype", (long)ElementType.Float32)));
    }
}
