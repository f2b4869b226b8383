using System.Numerics;
using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Operators;

/// <summary>What the scattering operators do with an element and its update: replace, add, mul, max, min.</summary>
internal static class ScatterReduction
{
    /// <summary>Makes a kernel for elements of one type, combined by one function.</summary>
    public interface IFactory
    {
        /// <summary>Makes the kernel.</summary>
        Kernel Create<T, TFunction>()
            where T : unmanaged
            where TFunction : IBinaryFunction<T, T>;
    }

    /// <summary>The node's reduction.</summary>
    /// <exception cref="InvalidGraphException">There is none of that name.</exception>
    public static string Parse(NodeContext context) => context.Attributes.String("reduction", "none") is ("none" or "add" or "mul" or "max" or "min") and var reduction
        ? reduction
        : throw context.Invalid($"reduction '{context.Attributes.String("reduction", "")}' is not one of none, add, mul, max, min");

    /// <summary>Makes the kernel for a node's reduction and data type. Truth values are added by "or" and multiplied by "and".</summary>
    /// <exception cref="UnsupportedOperatorException">The type is none that can be reduced.</exception>
    public static Kernel CreateKernel<TFactory>(LoweringContext context, TFactory factory)
        where TFactory : IFactory
    {
        string reduction = Parse(context);
        ElementType type = context.InputElementType(0);
        return reduction == "none"
            ? SizedKernels.Create(type, new ReplaceFactory<TFactory>(factory))
            : type == ElementType.Bool
            ? new ReduceFactory<TFactory>(factory, reduction is "add" or "max" ? "max" : "min").Create<byte>()
            : NumericKernels.Create(type, new ReduceFactory<TFactory>(factory, reduction)) ?? throw context.Unsupported($"reduction '{reduction}' of {type.ToOnnxName()}");
    }

    private readonly struct ReplaceFactory<TFactory>(TFactory factory) : ISizedKernelFactory
        where TFactory : IFactory
    {
        public Kernel Create<T>()
            where T : unmanaged => factory.Create<T, ReplaceFunction<T>>();
    }

    private readonly struct ReduceFactory<TFactory>(TFactory factory, string reduction) : INumericKernelFactory
        where TFactory : IFactory
    {
        public Kernel Create<T>()
            where T : unmanaged, INumber<T>, IMinMaxValue<T> => reduction switch
            {
                "add" => factory.Create<T, AddFunction<T>>(),
                "mul" => factory.Create<T, MultiplyFunction<T>>(),
                "max" => factory.Create<T, MaximumFunction<T>>(),
                _ => factory.Create<T, MinimumFunction<T>>(),
            };
    }
}
