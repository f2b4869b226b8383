using System.Runtime.CompilerServices;

namespace OnnxStream.Interop.Kernels;

/// <summary>Some bits of the differences of 8-bit data and their zero point.</summary>
/// <param name="ZeroPoint">The zero point, of data with a sign.</param>
/// <param name="Shift">The bits below.</param>
/// <param name="Mask">The bits themselves, after the shift. All of them keep the sign.</param>
internal readonly record struct DataDigit(int ZeroPoint, int Shift, int Mask)
{
    /// <summary>Takes the digits of data.</summary>
    /// <param name="data">The data.</param>
    /// <param name="isUnsigned">Whether they have no sign: 128 is taken away from them first.</param>
    /// <param name="digits">Receives as many digits.</param>
    /// <param name="count">How many.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public unsafe void Take(byte* data, bool isUnsigned, sbyte* digits, long count)
    {
        (int zero, int shift, int mask) = this;
        for (long i = 0; i < count; i++)
        {
            int element = isUnsigned ? data[i] + sbyte.MinValue : (sbyte)data[i];
            digits[i] = (sbyte)(((element - zero) >> shift) & mask);
        }
    }
}
