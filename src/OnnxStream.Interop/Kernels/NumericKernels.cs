using System.Numerics;

namespace OnnxStream.Interop.Kernels;

/// <summary>Makes a kernel for elements of a type that is a parameter.</summary>
internal interface INumericKernelFactory
{
    /// <summary>Makes the kernel.</summary>
    Kernel Create<T>()
        where T : unmanaged, INumber<T>, IMinMaxValue<T>;
}

/// <summary>Turns an element type into a type argument.</summary>
internal static class NumericKernels
{
    /// <summary>Makes a kernel for a number type; null if <paramref name="type"/> is none.</summary>
    public static Kernel? Create<TFactory>(ElementType type, TFactory factory)
        where TFactory : INumericKernelFactory => type switch
        {
            ElementType.Float32 => factory.Create<float>(),
            ElementType.Float64 => factory.Create<double>(),
            ElementType.Float16 => factory.Create<Half>(),
            ElementType.Int64 => factory.Create<long>(),
            ElementType.Int32 => factory.Create<int>(),
            ElementType.Int16 => factory.Create<short>(),
            ElementType.Int8 => factory.Create<sbyte>(),
            ElementType.UInt8 => factory.Create<byte>(),
            ElementType.UInt16 => factory.Create<ushort>(),
            ElementType.UInt32 => factory.Create<uint>(),
            ElementType.UInt64 => factory.Create<ulong>(),
            _ => null,
        };
}
