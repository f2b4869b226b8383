using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Bindings;

/// <summary>What the native library adds to XNNPACK: the sizes of its C structures.</summary>
public static unsafe class Abi
{
    /// <summary>The size in bytes that the C compiler gave the structure <paramref name="name"/> (UTF-8, zero terminated), or 0 if it is unknown.</summary>
    [DllImport("onnxstream_xnnpack", CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]
    public static extern nuint onnxstream_sizeof(byte* name);
}
