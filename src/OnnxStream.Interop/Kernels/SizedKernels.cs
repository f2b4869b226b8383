namespace OnnxStream.Interop.Kernels;

/// <summary>Makes a kernel that moves elements and only needs to know how large they are.</summary>
internal interface ISizedKernelFactory
{
    /// <summary>Makes the kernel for elements as large as <typeparamref name="T"/>.</summary>
    Kernel Create<T>()
        where T : unmanaged;
}

/// <summary>Turns the size of an element type into a type argument.</summary>
internal static class SizedKernels
{
    /// <summary>Makes a kernel for elements as large as those of <paramref name="type"/>.</summary>
    public static Kernel Create<TFactory>(ElementType type, TFactory factory)
        where TFactory : ISizedKernelFactory => type.SizeOf() switch
        {
            1 => factory.Create<byte>(),
            2 => factory.Create<ushort>(),
            4 => factory.Create<uint>(),
            _ => factory.Create<ulong>(),
        };
}
