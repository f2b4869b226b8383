using System.Numerics;
using System.Runtime.Intrinsics;
using OnnxStream.Interop.Kernels;

namespace OnnxStream.Interop.Tests.Kernels;

public class VectorMathTests
{
    // Every size of number, densely where the functions bend and where they end.
    private static IEnumerable<float> Numbers()
    {
        for (int i = -4000; i <= 4000; i++)
        {
            yield return i * 0.025f;
            yield return i * 0.002f;
        }

        for (int exponent = -44; exponent <= 38; exponent++)
        {
            foreach (double digits in new[] { 1, 1.7, 3.3, 9.9 })
            {
                double size = digits * Math.Pow(10, exponent);
                if (size < float.MaxValue)
                {
                    yield return (float)size;
                    yield return (float)-size;
                }
            }
        }

        foreach (float limit in new[] { 0f, -0f, float.MaxValue, float.MinValue, float.PositiveInfinity, float.NegativeInfinity, float.NaN, 88.72283f, MathF.BitIncrement(88.72283f), -87.3f, MathF.BitDecrement(-87.3f) })
        {
            yield return limit;
        }
    }

    [Test]
    public void Exp() => Compare(VectorMath.Exp, Math.Exp, (_, y) => (y < 1.23e-38 ? 1.23e-38 : 0) + 3e-7 * y);

    // The same numbers, but for the last bits.
    [Test]
    public void WideVectors()
    {
        (string Name, Func<Vector<float>, Vector<float>> Narrow, Func<Vector512<float>, Vector512<float>> Wide)[] functions =
        [
            ("exp", VectorMath.Exp, VectorMath.Exp), ("silu", VectorMath.Silu, VectorMath.Silu), ("gelu", VectorMath.Gelu, VectorMath.Gelu),
            ("quick gelu", VectorMath.QuickGelu, VectorMath.QuickGelu), ("gelu tanh", VectorMath.GeluTanh, VectorMath.GeluTanh),
        ];
        float[] numbers = [.. Numbers()];
        foreach ((string name, Func<Vector<float>, Vector<float>> narrow, Func<Vector512<float>, Vector512<float>> wide) in functions)
        {
            for (int i = 0; i <= numbers.Length - Vector512<float>.Count; i += Vector512<float>.Count)
            {
                Vector512<float> results = wide(Vector512.Create<float>(numbers.AsSpan(i)));
                for (int k = 0; k < Vector512<float>.Count; k++)
                {
                    float expected = narrow(new Vector<float>(numbers[i + k]))[0];
                    double tolerance = float.IsFinite(expected) ? 1e-35 + 1e-6 * Math.Abs(expected) : 0;
                    Assert.That(results[k], Is.EqualTo(expected).Within(tolerance), $"{name}({numbers[i + k]})");
                }
            }
        }
    }

    [Test]
    public void Sigmoid() => Compare(VectorMath.Sigmoid, x => 1 / (1 + Math.Exp(-x)), (_, y) => 1e-37 + 5e-7 * y);

    [Test]
    public void Silu() => Compare(VectorMath.Silu, x => x * (1 / (1 + Math.Exp(-x))), (_, y) => 1e-35 + 5e-7 * Math.Abs(y));

    [Test]
    public void QuickGelu() => Compare(VectorMath.QuickGelu, x => x * (1 / (1 + Math.Exp(-1.702 * x))), (x, y) => 1e-35 + (5e-7 + 2e-7 * Math.Abs(x)) * Math.Abs(y));

    [Test]
    public void Gelu() => Compare(VectorMath.Gelu, x => x * (0.5 * (1 + ErrorFunction.Erf(x * Math.Sqrt(0.5)))), (x, _) => 1e-37 + 3e-7 * Math.Abs(x));

    [Test]
    public void GeluTanh() => Compare(
        VectorMath.GeluTanh,
        x => x * (0.5 * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)))),
        (x, _) => 1e-35 + 5e-7 * Math.Abs(x));

    private static void Compare(Func<Vector<float>, Vector<float>> function, Func<double, double> expected, Func<double, double, double> tolerance)
    {
        float[] numbers = [.. Numbers()];
        Array.Resize(ref numbers, (numbers.Length + Vector<float>.Count - 1) / Vector<float>.Count * Vector<float>.Count);
        for (int i = 0; i < numbers.Length; i += Vector<float>.Count)
        {
            Vector<float> result = function(new Vector<float>(numbers, i));
            for (int k = 0; k < Vector<float>.Count; k++)
            {
                float x = numbers[i + k];
                double y = expected(x);

                // What is above single precision's largest number is infinite there.
                bool same = double.IsNaN(y) ? float.IsNaN(result[k]) :
                    double.IsInfinity((float)y) ? result[k] == (float)y :
                    Math.Abs(result[k] - y) <= tolerance(x, y);
                if (!same)
                {
                    Assert.Fail($"f({x:R}) is {result[k]:R}, expected {y:R}");
                }
            }
        }
    }
}
