namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class ModTests
{
    [Test]
    public void Integers([Values(ElementType.Int64, ElementType.Int32, ElementType.Int16, ElementType.Int8, ElementType.UInt8, ElementType.UInt64)] ElementType type, [Values(0, 1)] int fmod)
    {
        double low = type is ElementType.UInt8 or ElementType.UInt64 ? 1 : -9;
        TensorBuffer right = TestTensors.Random(type, 2, low, 9, 40);
        for (int i = 0; i < 40; i++)
        {
            // No division by zero: it ends ONNX Runtime.
            if (TestTensors.ToDoubles(right)[i] == 0)
            {
                TestTensors.Set(right, i, 3);
            }
        }

        new OperatorTester("Mod", 13).Input(TestTensors.Random(type, 1, low * 10, 90, 3, 40)).Input(right).Attribute("fmod", fmod).Output(type).Check();
    }

    [Test]
    public void Reals([Values(ElementType.Float32, ElementType.Float64, ElementType.Float16)] ElementType type) =>
        new OperatorTester("Mod", 10).Input(TestTensors.Random(type, 1, -50, 50, 3, 40)).Input(TestTensors.Random(type, 2, 1, 9, 40)).Attribute("fmod", 1).Output(type).Check();

    // Quotients of every size, and such that are nearly whole.
    [Test]
    public void Remainders()
    {
        const int Count = 4000;
        Random random = new(1);
        float[] left = new float[Count];
        float[] right = new float[Count];
        for (int i = 0; i < Count; i++)
        {
            right[i] = (float)(random.NextDouble() * Math.Pow(10, random.Next(-44, 38)) * (i % 3 == 0 ? -1 : 1));
            left[i] = i % 4 == 0 ? right[i] * random.Next(-5000, 5000) : (float)((random.NextDouble() - 0.5) * right[i] * Math.Pow(10, random.Next(-3, 9)));
            left[i] = i % 8 == 0 ? MathF.BitDecrement(left[i]) : left[i];
        }

        TensorBuffer actual = new OperatorTester("Mod", 13).Input(TensorBuffer.Create<float>(left, Count)).Input(TensorBuffer.Create<float>(right, Count)).Attribute("fmod", 1).Run();
        for (int i = 0; i < Count; i++)
        {
            Assert.That(BitConverter.SingleToInt32Bits(actual.Span<float>()[i]) | (float.IsNaN(left[i] % right[i]) ? -1 : 0), Is.EqualTo(BitConverter.SingleToInt32Bits(left[i] % right[i]) | (float.IsNaN(left[i] % right[i]) ? -1 : 0)), $"{left[i]:r} mod {right[i]:r}");
        }
    }

    [Test]
    public void SpecialReals() =>
        new OperatorTester("Mod", 13).Input(TensorBuffer.Create<float>([5, -5, float.PositiveInfinity, 3, float.NaN, 7], 6)).Input(TensorBuffer.Create<float>([-3, 3, 2, float.PositiveInfinity, 1, 0], 6)).Attribute("fmod", 1).Check();

    [Test]
    public void FlooredReals([Values(ElementType.Float32, ElementType.Float64, ElementType.Float16, ElementType.BFloat16)] ElementType type)
    {
        double[] left = [5, -5, 5, -5, 5.5, -5.5, 6, -6, 0, 1, -1, double.NaN, double.PositiveInfinity, 4];
        double[] right = [3, 3, -3, -3, -2, 2, -3, 3, -2, double.PositiveInfinity, double.PositiveInfinity, 1, 2, 0];
        double[] expected = [2, 1, -1, -2, -0.5, 0.5, -0.0, 0, -0.0, 1, double.PositiveInfinity, double.NaN, double.NaN, double.NaN];
        new OperatorTester("Mod", 28) { Tolerance = 0 }.Input(TestTensors.FromDoubles(type, left, 14)).Input(TestTensors.FromDoubles(type, right, 14)).Output(type).CheckAgainst(_ => [TestTensors.FromDoubles(type, expected, 14)]);
    }

    [Test]
    public void ZerosHaveTheSignOfTheDivisor()
    {
        TensorBuffer result = new OperatorTester("Mod", 28).Input(TensorBuffer.Create<float>([6, -6, 0f, -0f], 4)).Input(TensorBuffer.Create<float>([-3, 3, -2, 2], 4)).Run();
        Assert.That(result.Span<float>().ToArray().Select(float.IsNegative), Is.EqualTo([true, false, true, false]));
    }

    [Test]
    public void WhatTrapsElsewhere([Values(0, 1)] int fmod) =>
        new OperatorTester("Mod", 13).Input(TensorBuffer.Create<int>([5, int.MinValue, -7], 3)).Input(TensorBuffer.Create<int>([0, -1, -1], 3)).Attribute("fmod", fmod).Output(ElementType.Int32)
            .CheckAgainst(_ => [TensorBuffer.Create<int>([0, 0, 0], 3)]);

    [Test]
    public void RefusesWrongNodes()
    {
        new OperatorTester("Mod", 13).Input(TestTensors.Floats(1, 3)).Input(TestTensors.Floats(1, 3)).Fails<InvalidGraphException>();
        new OperatorTester("Mod", 13).Input(TestTensors.Integers(1)).Input(TestTensors.Floats(1, 1)).Fails<InvalidGraphException>();
        new OperatorTester("Mod", 13).Input(TestTensors.Integers(1)).Input(TestTensors.Integers(1)).Attribute("fmod", 2).Output(ElementType.Int64).Fails<InvalidGraphException>();
    }
}
