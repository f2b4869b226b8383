using System.Numerics;

namespace OnnxStream.Interop.Kernels;

/// <summary>A vector of single-precision numbers of some width: functions that are written over it are there for each width.</summary>
/// <typeparam name="TSelf">The vector. Masks are vectors too, with all bits of a lane set or none.</typeparam>
internal interface IFloatVector<TSelf> : IAdditionOperators<TSelf, TSelf, TSelf>, ISubtractionOperators<TSelf, TSelf, TSelf>, IMultiplyOperators<TSelf, TSelf, TSelf>, IDivisionOperators<TSelf, TSelf, TSelf>, IUnaryNegationOperators<TSelf, TSelf>
    where TSelf : unmanaged, IFloatVector<TSelf>
{
    /// <summary>The number of lanes.</summary>
    static abstract int Count { get; }

    /// <summary>The same number in all lanes.</summary>
    static abstract TSelf Create(float value);

    /// <summary>The same bits in all lanes.</summary>
    static abstract TSelf FromBits(int bits);

    /// <summary>Reads elements.</summary>
    static abstract TSelf Load(ref float source, nuint index);

    /// <summary>Writes the lanes.</summary>
    void Store(ref float target, nuint index);

    /// <summary>left * right + sum, rounded once.</summary>
    static abstract TSelf FusedMultiplyAdd(TSelf left, TSelf right, TSelf sum);

    /// <summary>The sizes.</summary>
    static abstract TSelf Abs(TSelf value);

    /// <summary>The smaller one; the second one if either is no number.</summary>
    static abstract TSelf MinNative(TSelf left, TSelf right);

    /// <summary>The larger one; the second one if either is no number.</summary>
    static abstract TSelf MaxNative(TSelf left, TSelf right);

    /// <summary>The square roots.</summary>
    static abstract TSelf Sqrt(TSelf value);

    /// <summary>The greatest whole numbers that are not greater.</summary>
    static abstract TSelf Floor(TSelf value);

    /// <summary>The least whole numbers that are not less.</summary>
    static abstract TSelf Ceiling(TSelf value);

    /// <summary>The nearest whole numbers, halves to even.</summary>
    static abstract TSelf Round(TSelf value);

    /// <summary>Where left is less than right.</summary>
    static abstract TSelf LessThan(TSelf left, TSelf right);

    /// <summary>Where left is less than right, or equal.</summary>
    static abstract TSelf LessThanOrEqual(TSelf left, TSelf right);

    /// <summary>Where left is equal to right.</summary>
    static abstract TSelf Equal(TSelf left, TSelf right);

    /// <summary>Lanes of one vector where a mask is set, of the other elsewhere.</summary>
    static abstract TSelf Select(TSelf mask, TSelf whenTrue, TSelf whenFalse);

    /// <summary>Whether a mask is set in any lane.</summary>
    static abstract bool Any(TSelf mask);

    /// <summary>Sizes with the signs of others.</summary>
    static abstract TSelf CopySign(TSelf size, TSelf sign);

    /// <summary>The sum of the bits as integers.</summary>
    static abstract TSelf AddBits(TSelf left, TSelf right);

    /// <summary>The difference of the bits as integers.</summary>
    static abstract TSelf SubtractBits(TSelf left, TSelf right);

    /// <summary>Bits that both have.</summary>
    static abstract TSelf And(TSelf left, TSelf right);

    /// <summary>Bits that one of both has.</summary>
    static abstract TSelf Xor(TSelf left, TSelf right);

    /// <summary>The bits moved up; zeros follow.</summary>
    static abstract TSelf ShiftLeft(TSelf value, int count);

    /// <summary>The bits as integers moved down; the sign follows.</summary>
    static abstract TSelf ShiftRight(TSelf value, int count);

    /// <summary>The bits as integers, as numbers.</summary>
    static abstract TSelf FromIntegers(TSelf bits);

    /// <summary>value * 2^exponent for whole exponents from -252 to 252.</summary>
    static abstract TSelf Scale(TSelf value, TSelf exponent);

    /// <summary>The largest lane, if none is no number.</summary>
    static abstract float Greatest(TSelf value);

    /// <summary>The sum of the lanes, in double precision.</summary>
    static abstract double Sum(TSelf value);
}
