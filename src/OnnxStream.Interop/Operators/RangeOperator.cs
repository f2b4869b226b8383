using System.Numerics;
using System.Runtime.InteropServices;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>Range: numbers from a start up to, not including, a limit. https://onnx.ai/onnx/operators/onnx__Range.html (opset 11; 27 only added types).</summary>
/// <remarks>
/// float, double, half, bfloat16, int16, int32, int64. The three numbers must be known when planning, as the shape depends on them. Half
/// and brain floats are computed in single precision and rounded once.
/// </remarks>
internal sealed class RangeOperator : Operator
{
    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        ElementType type = context.InputElementType(0);
        for (int i = 0; i < 3; i++)
        {
            if (context.InputElementType(i) != type || context.InputShape(i).ElementCount != 1)
            {
                throw context.Invalid("start, limit and delta must be single numbers of one element type");
            }
        }

        context.SetOutput(0, type, new Shape(type switch
        {
            ElementType.Float32 or ElementType.Float16 or ElementType.BFloat16 => CountReals<float>(context),
            ElementType.Float64 => CountReals<double>(context),
            ElementType.Int16 => CountIntegers<short>(context),
            ElementType.Int32 => CountIntegers<int>(context),
            ElementType.Int64 => CountIntegers<long>(context),
            _ => throw context.Unsupported($"element type {type.ToOnnxName()}"),
        }));
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        PlanTensor output = context.Output(0);
        bool isNarrow = output.ElementType is ElementType.Float16 or ElementType.BFloat16;
        PlanTensor numbers = isNarrow ? context.Temporary(output.Type with { ElementType = ElementType.Float32 }) : output;
        context.Emit(NumericKernels.Create(numbers.ElementType, new Factory(context, numbers.ElementCount))!, [], [numbers]);
        if (isNarrow)
        {
            Cast.Emit(context, numbers, 0);
        }
    }

    private static T Number<T>(NodeContext context, int index)
        where T : unmanaged, INumber<T>
    {
        byte[] bytes = context.RequireBytes(index);
        return context.InputElementType(index) switch
        {
            ElementType.Float16 => T.CreateTruncating(MemoryMarshal.Read<Half>(bytes)),
            ElementType.BFloat16 => T.CreateTruncating(BitConverter.UInt32BitsToSingle((uint)MemoryMarshal.Read<ushort>(bytes) << 16)),
            _ => MemoryMarshal.Read<T>(bytes),
        };
    }

    private static long CountReals<T>(NodeContext context)
        where T : unmanaged, INumber<T>
    {
        double delta = double.CreateChecked(Number<T>(context, 2));
        double count = Math.Ceiling((double.CreateChecked(Number<T>(context, 1)) - double.CreateChecked(Number<T>(context, 0))) / delta);
        return delta != 0 && double.IsFinite(count) && count < 1L << 62 ? Math.Max(0, (long)count) : throw context.Invalid("start, limit and delta make no range");
    }

    private static long CountIntegers<T>(NodeContext context)
        where T : unmanaged, INumber<T>
    {
        // 128 bits: the distance of two int64 does not fit into one.
        Int128 delta = Int128.CreateChecked(Number<T>(context, 2));
        Int128 distance = Int128.CreateChecked(Number<T>(context, 1)) - Int128.CreateChecked(Number<T>(context, 0));
        return delta == 0 ? throw context.Invalid("delta must not be 0") :
            Int128.Sign(distance) != Int128.Sign(delta) ? 0 :
            (long)Int128.Min(long.MaxValue, (Int128.Abs(distance) + Int128.Abs(delta) - 1) / Int128.Abs(delta));
    }

    private readonly struct Factory(NodeContext context, long count) : INumericKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> => new RangeKernel<T>(count, Number<T>(context, 0), Number<T>(context, 2));
    }
}
