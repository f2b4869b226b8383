using System.Runtime.InteropServices;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Tests.Operators;

/// <summary>Numbers in half precision and as brain floats: each one keeps its value when it is expanded, and what is rounded becomes the nearest one. The bounds are those of docs/accuracy.md.</summary>
public class StorageRangeTests
{
    [Test]
    public void EveryHalfKeepsItsValue()
    {
        Half[] halves = [.. Enumerable.Range(0, 1 << 16).Select(bits => BitConverter.UInt16BitsToHalf((ushort)bits))];
        TensorBuffer x = TensorBuffer.Create<Half>(halves, halves.Length);
        TensorBuffer wide = Cast(x, ElementType.Float32);
        double[] values = TestTensors.ToDoubles(wide);
        for (int i = 0; i < halves.Length; i++)
        {
            Assert.That(values[i], Is.EqualTo(Value(i)), $"half {i:x4}");
        }

        TensorBuffer back = Cast(wide, ElementType.Float16);
        for (int i = 0; i < halves.Length; i++)
        {
            Half half = back.Span<Half>()[i];
            Assert.That(Half.IsNaN(halves[i]) ? Half.IsNaN(half) : BitConverter.HalfToUInt16Bits(half) == i, Is.True, $"half {i:x4}");
        }

        // By definition: a sign, five bits of exponent, ten of mantissa.
        static double Value(int bits)
        {
            (int exponent, int mantissa) = (bits >> 10 & 31, bits & 1023);
            double size = exponent == 31 ? (mantissa == 0 ? double.PositiveInfinity : double.NaN) : exponent == 0 ? Math.ScaleB(mantissa, -24) : Math.ScaleB(1024 + mantissa, exponent - 25);
            return bits >= 1 << 15 ? -size : size;
        }
    }

    [Test]
    public void EveryBrainFloatKeepsItsValue()
    {
        ushort[] bits = [.. Enumerable.Range(0, 1 << 16).Select(i => (ushort)i)];
        TensorBuffer x = TensorBuffer.FromPacked(ElementType.BFloat16, MemoryMarshal.AsBytes<ushort>(bits), bits.Length);
        float[] values = Cast(x, ElementType.Float32).Span<float>().ToArray();
        for (int i = 0; i < bits.Length; i++)
        {
            float value = BitConverter.Int32BitsToSingle(i << 16);
            Assert.That(float.IsNaN(value) ? float.IsNaN(values[i]) : BitConverter.SingleToInt32Bits(values[i]) == i << 16, Is.True, $"brain float {i:x4}");
        }
    }

    [Test]
    public void RoundingGivesTheNearestNumber([Values(ElementType.Float32, ElementType.Float64)] ElementType from, [Values(ElementType.Float16, ElementType.BFloat16, ElementType.Float32)] ElementType to)
    {
        // Every exponent; mantissas at, beside and far from the middle between two narrow numbers.
        double[] points = RangePoints.Rounded(from, RangePoints.Exponents(0, 1, 0x0fff, 0x1000, 0x1001, 0x3000, 0x7fff, 0x8000, 0x8001, 0x18000, 0x2aaaab, 0x7fefff, 0x7ff000, 0x7f7fff, 0x7f8000, 0x7fffff));
        if (from == ElementType.Float64)
        {
            points = [.. points, .. points.Where(double.IsFinite).SelectMany(point => (double[])[Math.BitIncrement(point), Math.BitDecrement(point)]), 1e300, -1e300, 1e-300, -1e-300];
        }

        TensorBuffer y = Cast(TestTensors.FromDoubles(from, points, points.Length), to);
        RangePoints.Check(y, i => (points[i], 0), i => $"{points[i]:R}");
    }

    [Test]
    public void ActivationsAreRoundedOnce()
    {
        // What kernels store in half precision, in runs of all lengths: vectors and what is left over.
        float[] points = RangePoints.Exponents(0, 1, 0x0fff, 0x1000, 0x1001, 0x3000, 0x2aaaab, 0x7fefff, 0x7ff000, 0x7fffff);
        foreach (int length in (int[])[1, 7, 33, points.Length])
        {
            for (int start = 0; start + length <= points.Length; start += length)
            {
                float[] run = points[start..(start + length)];
                Half[] stored = new Half[length];
                float[] expanded = new float[length];
                unsafe
                {
                    fixed (float* source = run, target = expanded)
                    {
                        fixed (Half* halves = stored)
                        {
                            HalfRows.Instance.Round(source, (byte*)halves, length);
                            HalfRows.Instance.Expand((byte*)halves, target, length);
                        }
                    }
                }

                for (int i = 0; i < length; i++)
                {
                    Assert.That(RangePoints.IsRight(ElementType.Float16, (double)stored[i], run[i], 0), Is.True, $"{run[i]:R} is stored as {stored[i]}");
                    Assert.That(expanded[i], Is.EqualTo((float)stored[i]));
                }
            }
        }
    }

    [Test]
    public void ArithmeticInHalfPrecisionIsRoundedOnce([Values("Add", "Mul", "Div")] string operatorType)
    {
        // All pairs of some halves of every exponent: the result is the half that is nearest to the exact one.
        double[] halves = [.. Enumerable.Range(0, 1 << 16).Where(bits => bits % 149 == 0).Select(bits => (double)BitConverter.UInt16BitsToHalf((ushort)bits))];
        (double[] a, double[] b) = ([.. halves.SelectMany(left => halves.Select(_ => left))], [.. halves.SelectMany(_ => halves)]);
        TensorBuffer y = RangePoints.Run(
            new ModelBuilder(14).Node(operatorType, "a b", "y"),
            new Dictionary<string, TensorBuffer> { ["a"] = TestTensors.FromDoubles(ElementType.Float16, a, a.Length), ["b"] = TestTensors.FromDoubles(ElementType.Float16, b, b.Length) }, ElementType.Float16);
        RangePoints.Check(y, i => (operatorType switch { "Add" => a[i] + b[i], "Mul" => a[i] * b[i], _ => a[i] / b[i] }, 0), i => $"{operatorType}({a[i]:R}, {b[i]:R})");
    }

    private static TensorBuffer Cast(TensorBuffer x, ElementType to) =>
        RangePoints.Run(new ModelBuilder(13).Node("Cast", "x", "y", ("to", (long)to)), new Dictionary<string, TensorBuffer> { ["x"] = x }, to);
}
