using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace OnnxStream.Interop.Tensors;

/// <summary>What is found among the elements of one vector.</summary>
internal static class VectorElements
{
    /// <summary>The largest element of a vector that has none below 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Largest(Vector<int> vector)
    {
        // Elements that a narrower vector lacks are zero.
        Vector256<int> half = Vector<int>.Count > Vector256<int>.Count ? Vector256.Max(vector.AsVector512().GetLower(), vector.AsVector512().GetUpper()) : vector.AsVector256();
        Vector128<int> most = Vector128.Max(half.GetLower(), half.GetUpper());
        most = Vector128.Max(most, Vector128.Shuffle(most, Vector128.Create(2, 3, 0, 1)));
        return Math.Max(most.GetElement(0), most.GetElement(1));
    }
}
