using System.Numerics;
using OnnxStream.Interop.Kernels;
using OnnxStream.Interop.Steps;

namespace OnnxStream.Interop.Operators;

/// <summary>The different elements, or slices along an axis. https://onnx.ai/onnx/operators/onnx__Unique.html (opset 11; 28 only added types).</summary>
/// <param name="isMicrosoft">Whether it is the one of domain com.microsoft: of a vector, in the order in which elements come first, and without the output of where they do.</param>
/// <remarks>How many there are is only known after it has run.</remarks>
internal sealed class Unique(bool isMicrosoft) : Operator
{
    // The kernel's outputs: the elements, where they come first, which one each is, and how often they come.
    private int[] Outputs => isMicrosoft ? [0, -1, 1, 2] : [0, 1, 2, 3];

    /// <inheritdoc/>
    public override void Infer(InferenceContext context)
    {
        (Shape data, int axis) = Geometry(context);
        if (data[axis] > int.MaxValue)
        {
            throw context.Unsupported($"a dimension of {data[axis]}");
        }

        context.SetDynamicOutput(0, context.InputElementType(0), data);
        context.SetOutput(Outputs[2], ElementType.Int64, new Shape(data[axis]));
        context.SetDynamicOutput(Outputs[3], ElementType.Int64, new Shape(data[axis]));
        if (!isMicrosoft)
        {
            context.SetDynamicOutput(1, ElementType.Int64, new Shape(data[axis]));
        }
    }

    /// <inheritdoc/>
    public override void Lower(LoweringContext context)
    {
        (Shape data, int axis) = Geometry(context);
        PlanTensor input = context.Input(0);
        PlanTensor[] outputs = new PlanTensor[4];
        for (int i = 0; i < outputs.Length; i++)
        {
            outputs[i] = Outputs[i] >= 0 && context.HasOutput(Outputs[i]) ? context.Output(Outputs[i]) : context.Temporary(i == 0 ? new TensorType(input.ElementType, data) : new TensorType(ElementType.Int64, new Shape(data[axis])));
        }

        bool isSorted = !isMicrosoft && context.Attributes.Int("sorted", 1) != 0;
        Kernel kernel =
            (input.ElementType == ElementType.BFloat16 ? new UniqueKernel<ushort, BrainFloatComparer>(data, axis, isSorted, isNatural: false) : NumericKernels.Create(input.ElementType == ElementType.Bool ? ElementType.UInt8 : input.ElementType, new Factory(data, axis, isSorted))) ??
            throw context.Unsupported($"element type {input.ElementType.ToOnnxName()}");
        context.Emit(kernel, [input], outputs);
    }

    private static (Shape Data, int Axis) Geometry(NodeContext context)
    {
        Shape input = context.InputShape(0);
        return context.Attributes.Has("axis")
            ? (input, context.Axis(context.Attributes.Int("axis", 0), input.Rank))
            : (new Shape(input.ElementCount), 0);
    }

    private readonly struct Factory(Shape data, int axis, bool sorted) : INumericKernelFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> => new UniqueKernel<T, NumberComparer<T>>(data, axis, sorted, isNatural: true);
    }

    private readonly struct NumberComparer<T> : IComparer<T>
        where T : unmanaged, INumber<T>
    {
        public int Compare(T x, T y) => x.CompareTo(y);
    }

    // Bits of bfloat16, which .NET has no type for.
    private readonly struct BrainFloatComparer : IComparer<ushort>
    {
        public int Compare(ushort x, ushort y) => BitConverter.UInt32BitsToSingle((uint)x << 16).CompareTo(BitConverter.UInt32BitsToSingle((uint)y << 16));
    }
}
