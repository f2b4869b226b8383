using System.Numerics;

namespace OnnxStream.Interop.Tests.Operators;

/// <summary>Arithmetic of 64-bit integers loses no bit, near 2^53 (where double ends) and 2^63 (where int64 does), and wraps around where it overflows.</summary>
[NativeMemoryLeakCheck]
public class ExactIntegersTests
{
    private const int Count = 257;

    private static readonly BigInteger s_modulus = BigInteger.One << 64;

    [Test]
    public void Binary([Values("Add", "Sub", "Mul", "Div", "Max", "Min", "Mod")] string name, [Values(ElementType.Int64, ElementType.UInt64)] ElementType type)
    {
        BigInteger[] left = Numbers(type, 1);
        BigInteger[] right = [.. Numbers(type, 2).Select(number => name is "Div" or "Mod" && number.IsZero ? 3 : number)];
        TensorBuffer result = new OperatorTester(name, 17).Input(Tensor(type, left)).Input(Tensor(type, right)).Output(type).Run();
        AssertExact(result, [.. left.Zip(right, (a, b) => name switch
        {
            "Add" => a + b,
            "Sub" => a - b,
            "Mul" => a * b,
            "Div" => BigInteger.Divide(a, b),
            "Max" => BigInteger.Max(a, b),
            "Min" => BigInteger.Min(a, b),
            _ => BigInteger.Remainder(a, b) is var rest && !rest.IsZero && rest.Sign != b.Sign ? rest + b : rest,
        })]);
    }

    [Test]
    public void Powers()
    {
        BigInteger[] left = Numbers(ElementType.Int64, 1);
        long[] right = [.. Enumerable.Range(0, Count).Select(i => i % 5L)];
        AssertExact(new OperatorTester("Pow", 17).Input(Tensor(ElementType.Int64, left)).Input(TestTensors.Integers(right)).Output(ElementType.Int64).Run(), [.. left.Zip(right, (a, b) => BigInteger.Pow(a, (int)b))]);
    }

    [Test]
    public void Comparisons([Values("Equal", "Less", "GreaterOrEqual")] string name, [Values(ElementType.Int64, ElementType.UInt64)] ElementType type)
    {
        BigInteger[] left = Numbers(type, 1);
        BigInteger[] right = [.. left.Select((number, i) => Wrapped(type, number + (i % 3 - 1)))];
        TensorBuffer result = new OperatorTester(name, 17).Input(Tensor(type, left)).Input(Tensor(type, right)).Output(ElementType.Bool).Run();
        Assert.That(result.Span<bool>().ToArray(), Is.EqualTo(left.Zip(right, (a, b) => name switch { "Equal" => a == b, "Less" => a < b, _ => a >= b })));
    }

    [Test]
    public void Reductions([Values("ReduceSum", "ReduceProd", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceSumSquare")] string name, [Values(ElementType.Int64, ElementType.UInt64)] ElementType type)
    {
        BigInteger[] numbers = Numbers(type, 1);
        TensorBuffer result = new OperatorTester(name, 18).Input(Tensor(type, numbers)).Attribute("keepdims", 0).Output(type).Run();
        AssertExact(result, [numbers.Aggregate(name is "ReduceMax" or "ReduceMin" ? numbers[0] : name == "ReduceProd" ? 1 : BigInteger.Zero, (sum, x) => name switch
        {
            "ReduceSum" => sum + x,
            "ReduceProd" => sum * x,
            "ReduceMax" => BigInteger.Max(sum, x),
            "ReduceMin" => BigInteger.Min(sum, x),
            "ReduceL1" => sum + BigInteger.Abs(x),
            _ => sum + x * x,
        })]);
    }

    [Test]
    public void Others([Values("Abs", "Neg", "CumSum", "MatMul", "Clip", "TopK")] string name)
    {
        const ElementType Type = ElementType.Int64;
        BigInteger[] numbers = [.. Numbers(Type, 1).Take(256)];
        OperatorTester tester = new OperatorTester(name, 17).Input(Tensor(Type, numbers, name == "MatMul" ? [16, 16] : [256])).Output(Type);
        (TensorBuffer result, BigInteger[] expected) = name switch
        {
            "Abs" => (tester.Run(), numbers.Select(BigInteger.Abs).ToArray()),
            "Neg" => (tester.Run(), [.. numbers.Select(BigInteger.Negate)]),
            "CumSum" => (tester.Input(TestTensors.Integers(0)).Run(), [.. numbers.Select((_, i) => numbers.Take(i + 1).Aggregate(BigInteger.Add))]),
            "MatMul" => (tester.Input(Tensor(Type, numbers, [16, 16])).Run(), [.. numbers.Select((_, i) => Enumerable.Range(0, 16).Select(k => numbers[i / 16 * 16 + k] * numbers[k * 16 + i % 16]).Aggregate(BigInteger.Add))]),
            "Clip" => (tester.Input(Tensor(Type, [-(BigInteger.One << 53) - 1], [])).Input(Tensor(Type, [(BigInteger.One << 53) + 1], [])).Run(), [.. numbers.Select(x => BigInteger.Max(BigInteger.Min(x, (BigInteger.One << 53) + 1), -(BigInteger.One << 53) - 1))]),
            _ => (tester.Output(ElementType.Int64).Input(TestTensors.Integers(20)).Run(), [.. numbers.OrderDescending().Take(20)]),
        };
        AssertExact(result, expected);
    }

    // Around 0, 2^53, 2^62, and the ends of the type.
    private static BigInteger[] Numbers(ElementType type, int seed)
    {
        Random random = new(seed);
        BigInteger[] centers = [0, BigInteger.One << 53, BigInteger.One << 62, (BigInteger.One << 63) - 8, BigInteger.One << 32, -(BigInteger.One << 53), -(BigInteger.One << 63) + 8];
        return [.. Enumerable.Range(0, Count).Select(_ => Wrapped(type, centers[random.Next(centers.Length)] + random.Next(-7, 8)))];
    }

    private static BigInteger Wrapped(ElementType type, BigInteger number)
    {
        BigInteger rest = BigInteger.Remainder(number, s_modulus);
        rest = rest.Sign < 0 ? rest + s_modulus : rest;
        return type == ElementType.Int64 && rest >= s_modulus / 2 ? rest - s_modulus : rest;
    }

    private static TensorBuffer Tensor(ElementType type, BigInteger[] numbers, long[]? dimensions = null) => type == ElementType.Int64
        ? TensorBuffer.Create<long>([.. numbers.Select(number => (long)number)], dimensions ?? [numbers.Length])
        : TensorBuffer.Create<ulong>([.. numbers.Select(number => (ulong)number)], dimensions ?? [numbers.Length]);

    private static void AssertExact(TensorBuffer actual, BigInteger[] expected)
    {
        BigInteger[] numbers = actual.ElementType == ElementType.Int64 ? [.. actual.Span<long>().ToArray().Select(x => (BigInteger)x)] : [.. actual.Span<ulong>().ToArray().Select(x => (BigInteger)x)];
        Assert.That(numbers, Is.EqualTo(expected.Select(number => Wrapped(actual.ElementType, number))));
    }
}
