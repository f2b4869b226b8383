using System.Numerics;
using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Tests.Kernels;

public unsafe class IntegerDivisionTests
{
    [Test]
    public void Int64() => Check<long>();

    [Test]
    public void UInt64() => Check<ulong>();

    [Test]
    public void Int32() => Check<int>();

    [Test]
    public void UInt32() => Check<uint>();

    [Test]
    public void Int16() => Check<short>();

    [Test]
    public void UInt16() => Check<ushort>();

    [Test]
    public void Int8() => Check<sbyte>();

    [Test]
    public void UInt8() => Check<byte>();

    // Limits, powers of two and their neighbours, divided by each other and by random numbers; runs of every length.
    private static void Check<T>()
        where T : unmanaged, IBinaryInteger<T>, IMinMaxValue<T>
    {
        Random random = new(1);
        List<T> numbers = [T.Zero, T.One, T.Zero - T.One, T.MinValue, T.MaxValue, T.MinValue + T.One, T.MaxValue - T.One];
        for (int bit = 1; bit < sizeof(T) * 8; bit++)
        {
            T power = T.One << bit;
            numbers.AddRange([power, power - T.One, power + T.One, T.Zero - power, T.Zero - power + T.One, T.Zero - power - T.One]);
        }

        for (int i = 0; i < 60; i++)
        {
            numbers.Add(T.CreateTruncating(random.NextInt64(long.MinValue, long.MaxValue) >> random.Next(64)));
        }

        T[] left = [.. numbers.SelectMany(a => numbers.Select(_ => a))];
        T[] right = [.. numbers.SelectMany(_ => numbers)];
        Compare(left, right, left.Length, 1);
        foreach (T divisor in numbers)
        {
            Compare([.. numbers], [divisor], numbers.Count, 0);
        }

        for (int length = 0; length < 80; length++)
        {
            Compare(left[(3 * length)..], right[length..], length, 1);
        }
    }

    private static void Compare<T>(T[] left, T[] right, int length, int rightStride)
        where T : unmanaged, IBinaryInteger<T>
    {
        T[] quotients = new T[length + 1];
        quotients[length] = T.One;
        fixed (T* a = left, b = right, results = quotients)
        {
            BinaryLoops.Run<T, T, DivideFunction<T>>(a, 1, b, rightStride, results, length);
        }

        for (int i = 0; i < length; i++)
        {
            // What does not fit keeps its low bits, and nothing is divided by zero.
            T divisor = right[i * rightStride];
            BigInteger exact = T.IsZero(divisor) ? BigInteger.Zero : BigInteger.Divide(BigInteger.CreateChecked(left[i]), BigInteger.CreateChecked(divisor));
            if (quotients[i] != T.CreateTruncating(exact))
            {
                Assert.Fail($"{left[i]} / {divisor} is {quotients[i]}, expected {exact}");
            }
        }

        Assert.That(quotients[length], Is.EqualTo(T.One), "behind the end");
    }
}
