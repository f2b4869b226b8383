using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Panels;

/// <summary>What the 8-bit integers of a weight stand for that is packed as it is: a number is (integer - 128 if it has no sign) times the scale of its channel.</summary>
/// <param name="Scales">A scale for each output channel.</param>
/// <param name="IsUnsigned">Whether the integers are stored without a sign.</param>
internal sealed record GivenIntegers(float[] Scales, bool IsUnsigned)
{
    /// <summary>What distinguishes it from others.</summary>
    public string Identity => $"given {Convert.ToHexString(XxHash128.Hash(MemoryMarshal.AsBytes<float>(Scales)))}:";
}
