namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class LinearQuantizationTests
{
    [Test]
    public void Quantize([Values(ElementType.UInt8, ElementType.Int8, ElementType.UInt16, ElementType.Int16)] ElementType type, [Values(10, 13, 21)] int operatorSet)
    {
        if (operatorSet < 21 && type is ElementType.UInt16 or ElementType.Int16)
        {
            return;
        }

        new OperatorTester("QuantizeLinear", operatorSet).Input(TestTensors.Random(ElementType.Float32, 1, -20, 20, 3, 5, 700))
            .Input(TestTensors.FromDoubles(ElementType.Float32, [0.11])).Input(TestTensors.FromDoubles(type, [7])).Output(type).Check();
    }

    [Test]
    public void HalvesAreRoundedToEven() =>
        new OperatorTester("QuantizeLinear", 13).Input(TestTensors.FromDoubles(ElementType.Float32, [0.5, 1.5, 2.5, -0.5, -1.5, 1e9, -1e9], 7)).Input(TestTensors.FromDoubles(ElementType.Float32, [1])).Output(ElementType.UInt8).Check();

    [Test]
    public void QuantizePerAxis([Values(0, 1, 2, -1)] int axis)
    {
        long[] shape = [3, 5, 7];
        long length = shape[axis < 0 ? 2 : axis];
        new OperatorTester("QuantizeLinear", 13).Input(TestTensors.Random(ElementType.Float32, 1, -20, 20, shape))
            .Input(TestTensors.Random(ElementType.Float32, 2, 0.1, 0.3, length)).Input(TestTensors.Random(ElementType.Int8, 3, -9, 9, length)).Attribute("axis", axis).Output(ElementType.Int8).Check();
    }

    [Test]
    public void Dequantize([Values(ElementType.UInt8, ElementType.Int8, ElementType.Int32)] ElementType type, [Values(10, 13, 21)] int operatorSet) =>
        new OperatorTester("DequantizeLinear", operatorSet).Input(TestTensors.Random(type, 1, 0, 120, 3, 5, 700))
            .Input(TestTensors.FromDoubles(ElementType.Float32, [0.11])).Input(TestTensors.FromDoubles(type, [type == ElementType.Int32 ? 0 : 7])).Check();

    [Test]
    public void DequantizePerAxis([Values(0, 1, 2, -1)] int axis, [Values] bool zeroPoints)
    {
        long[] shape = [3, 5, 7];
        long length = shape[axis < 0 ? 2 : axis];
        OperatorTester tester = new OperatorTester("DequantizeLinear", 13).Input(TestTensors.Random(ElementType.UInt8, 1, 0, 255, shape)).Input(TestTensors.Random(ElementType.Float32, 2, 0.1, 0.3, length)).Attribute("axis", axis);
        _ = zeroPoints ? tester.Input(TestTensors.Random(ElementType.UInt8, 3, 0, 200, length)) : tester;
        tester.Check();
    }

    [Test]
    public void Blocks([Values(0, 1, 2)] int axis, [Values(2, 3)] int block)
    {
        long[] shape = [6, 4, 12];
        long[] scales = [.. shape];
        scales[axis] = (shape[axis] + block - 1) / block;
        new OperatorTester("DequantizeLinear", 21).Input(TestTensors.Random(ElementType.Int8, 1, -90, 90, shape)).Input(TestTensors.Random(ElementType.Float32, 2, 0.1, 0.3, scales))
            .Input(TestTensors.Random(ElementType.Int8, 3, -9, 9, scales)).Attribute("axis", axis).Attribute("block_size", block).Check();
        new OperatorTester("QuantizeLinear", 21).Input(TestTensors.Random(ElementType.Float32, 1, -9, 9, shape)).Input(TestTensors.Random(ElementType.Float32, 2, 0.1, 0.3, scales))
            .Input(TestTensors.Random(ElementType.Int8, 3, -9, 9, scales)).Attribute("axis", axis).Attribute("block_size", block).Output(ElementType.Int8).Check();
    }

    [Test]
    public void HalfPrecision()
    {
        new OperatorTester("QuantizeLinear", 19).Input(TestTensors.Random(ElementType.Float16, 1, -20, 20, 3, 50)).Input(TestTensors.FromDoubles(ElementType.Float16, [0.125])).Output(ElementType.UInt8).Check();
        new OperatorTester("DequantizeLinear", 19) { Tolerance = 1e-3 }.Input(TestTensors.Random(ElementType.Int8, 1, -90, 90, 3, 50)).Input(TestTensors.FromDoubles(ElementType.Float16, [0.11])).Output(ElementType.Float16).Check();
    }

    [Test]
    public void OutputType() =>
        new OperatorTester("QuantizeLinear", 21).Input(TestTensors.Random(ElementType.Float32, 1, -20, 20, 3, 50)).Input(TestTensors.FromDoubles(ElementType.Float32, [0.1])).Attribute("output_dtype", (int)ElementType.Int16).Output(ElementType.Int16).Check();

    [TestCase(-20, 20)]
    [TestCase(3, 20)]
    [TestCase(-20, -3)]
    [TestCase(0, 0)]
    public void Dynamic(double low, double high) =>
        new OperatorTester("DynamicQuantizeLinear", 11).Input(TestTensors.Random(ElementType.Float32, 1, low, high, 3, 50_000)).Output(ElementType.UInt8).Output(ElementType.Float32).Output(ElementType.UInt8).Check(constantsToo: false);

    // Scales: one, one for each position along the axis, one for each block of two.
    [Test]
    public void QuantizeNarrow([ValueSource(nameof(NarrowTypes))] ElementType type, [Values(0, 1, 2)] int form, [Values(ElementType.Float32, ElementType.Float16)] ElementType real, [Values] bool zeroPoints, [Values] bool saturate)
    {
        TensorBuffer input = TestTensors.Random(real, 1, -600, 600, s_shape);
        TensorBuffer scale = TestTensors.Random(real, 2, 0.5, 2, Scales(form));
        TensorBuffer zero = TestTensors.Random(type, 3, 0, 3, Scales(form));
        OperatorTester tester = WithForm(new OperatorTester("QuantizeLinear", 24).Input(input).Input(scale), form).Attribute("saturate", saturate ? 1 : 0).Output(type);
        tester = zeroPoints ? tester.Input(zero) : tester.Attribute("output_dtype", (int)type);
        float[] numbers = [.. TestTensors.ToDoubles(input).Select(number => (float)number)];
        float[] scales = [.. TestTensors.ToDoubles(scale).Select(number => (float)number)];
        double[] zeros = TestTensors.ToDoubles(zero);
        byte[] expected = new byte[numbers.Length];
        for (int i = 0; i < expected.Length; i++)
        {
            float quotient = numbers[i] / scales[ScaleIndex(i, form)];
            double shift = zeroPoints ? zeros[ScaleIndex(i, form)] : 0;
            expected[i] = Array.Find(NarrowFormat.Integers, integers => integers.Type == type) is { Most: > 0 } range
                ? (byte)(int)Math.Clamp(Math.Round(quotient) + shift, range.Least, range.Most)
                : (byte)NarrowFormat.Code(type, (float)(quotient + shift), saturate);
        }

        Assert.That(tester.Run().Bytes.ToArray(), Is.EqualTo(expected));
    }

    [Test]
    public void DequantizeNarrow([ValueSource(nameof(NarrowTypes))] ElementType type, [Values(0, 1, 2)] int form, [Values(ElementType.Float32, ElementType.Float16, ElementType.BFloat16)] ElementType real, [Values] bool zeroPoints)
    {
        TensorBuffer input = TestTensors.Random(type, 1, -20, 20, s_shape);
        TensorBuffer scale = TestTensors.Random(real, 2, 0.5, 2, Scales(form));
        TensorBuffer zero = TestTensors.Random(type, 3, 0, 3, Scales(form));
        OperatorTester tester = WithForm(new OperatorTester("DequantizeLinear", 24) { Tolerance = 0 }.Input(input).Input(scale).Input(zeroPoints ? zero : null), form).Output(real);
        double[] numbers = TestTensors.ToDoubles(input);
        double[] scales = TestTensors.ToDoubles(scale);
        double[] zeros = TestTensors.ToDoubles(zero);
        double[] expected = [.. numbers.Select((number, i) => (double)((float)(number - (zeroPoints ? zeros[ScaleIndex(i, form)] : 0)) * (float)scales[ScaleIndex(i, form)]))];
        tester.CheckAgainst(_ => [TestTensors.FromDoubles(real, expected, s_shape)]);
    }

    [Test]
    public void EveryCodeIsDequantized([ValueSource(nameof(NarrowTypes))] ElementType type)
    {
        TensorBuffer input = new(type, new Shape(256 / (type.PerByte() == 1 ? 1 : type.PerByte() == 2 ? 16 : 64)));
        for (int i = 0; i < input.Bytes.Length; i++)
        {
            input.Bytes[i] = type is ElementType.Int4 or ElementType.Int2 ? (byte)(i - input.Bytes.Length / 2) : (byte)i;
        }

        double[] numbers = TestTensors.ToDoubles(input);
        new OperatorTester("DequantizeLinear", 24) { Tolerance = 0 }.Input(input).Input(TestTensors.FromDoubles(ElementType.Float32, [0.25]))
            .CheckAgainst(_ => [TestTensors.FromDoubles(ElementType.Float32, [.. numbers.Select(number => number / 4)], numbers.Length)]);
    }

    [Test]
    public void ScalesThatArePowersOfTwo([Values(ElementType.Float4E2M1, ElementType.Float8E4M3FN, ElementType.Int4)] ElementType type)
    {
        TensorBuffer scale = TestTensors.FromDoubles(ElementType.Float8E8M0, [0.25, 1, 8, 2, 0.5, 4], 3, 2);
        TensorBuffer input = TestTensors.Random(type, 1, -6, 6, 3, 4);
        double[] numbers = TestTensors.ToDoubles(input);
        double[] scales = TestTensors.ToDoubles(scale);
        double[] expected = [.. numbers.Select((number, i) => number * scales[i / 4 * 2 + i % 4 / 2])];
        new OperatorTester("DequantizeLinear", 24) { Tolerance = 0 }.Input(input).Input(scale).Attribute("axis", 1).Attribute("block_size", 2).Attribute("output_dtype", 1)
            .CheckAgainst(_ => [TestTensors.FromDoubles(ElementType.Float32, expected, 3, 4)]);
        new OperatorTester("QuantizeLinear", 24) { Tolerance = 0 }.Input(TestTensors.FromDoubles(ElementType.Float32, expected, 3, 4)).Input(scale).Attribute("axis", 1).Attribute("block_size", 2).Attribute("output_dtype", (int)type).Output(type)
            .CheckAgainst(_ => [input]);
        new OperatorTester("DequantizeLinear", 24).Input(input).Input(scale).Attribute("axis", 1).Attribute("block_size", 2).Fails<InvalidGraphException>();
    }

    [Test]
    public void PrecisionOfTheQuotient([Values(ElementType.Float16, ElementType.BFloat16, ElementType.Float32)] ElementType precision, [Values(ElementType.Float16, ElementType.BFloat16, ElementType.Float32)] ElementType real)
    {
        TensorBuffer input = TestTensors.Random(real, 1, -20, 20, 4000);
        TensorBuffer scale = TestTensors.FromDoubles(real, [0.11]);
        double[] quotients = [.. TestTensors.ToDoubles(input).Select(number => (double)((float)number / (float)TestTensors.ToDoubles(scale)[0]))];
        double[] rounded = TestTensors.ToDoubles(TestTensors.FromDoubles(precision, quotients, quotients.Length));
        double[] expected = [.. rounded.Select(quotient => Math.Round(quotient))];
        if (precision == ElementType.BFloat16)
        {
            Assert.That(expected, Is.Not.EqualTo(quotients.Select(quotient => Math.Round(quotient)).ToArray()), "the attribute says something");
        }

        new OperatorTester("QuantizeLinear", 23) { Tolerance = 0 }.Input(input).Input(scale).Attribute("precision", (int)precision).Attribute("output_dtype", (int)ElementType.Int16).Output(ElementType.Int16)
            .CheckAgainst(_ => [TestTensors.FromDoubles(ElementType.Int16, expected, expected.Length)]);
    }

    [Test]
    public void RefusesOtherPrecisionsAndTypes()
    {
        OperatorTester Tester() => new OperatorTester("QuantizeLinear", 24).Input(TestTensors.Floats(1, 3)).Input(TestTensors.FromDoubles(ElementType.Float32, [1])).Output(ElementType.UInt8);
        Tester().Attribute("precision", (int)ElementType.Float64).Fails<UnsupportedOperatorException>();
        Tester().Attribute("output_dtype", (int)ElementType.Float8E8M0).Fails<UnsupportedOperatorException>();
        Tester().Attribute("output_dtype", (int)ElementType.Float32).Fails<UnsupportedOperatorException>();
    }

    private static readonly long[] s_shape = [4, 6, 5];

    private static IEnumerable<ElementType> NarrowTypes => NarrowFormat.Types.Where(type => type != ElementType.Float8E8M0).Concat(NarrowFormat.Integers.Select(integers => integers.Type));

    private static long[] Scales(int form) => form switch { 0 => [], 1 => [6], _ => [4, 3, 5] };

    private static OperatorTester WithForm(OperatorTester tester, int form) => form == 2 ? tester.Attribute("axis", 1).Attribute("block_size", 2) : tester.Attribute("axis", 1);

    private static int ScaleIndex(int i, int form) => form switch { 0 => 0, 1 => i / 5 % 6, _ => i / 30 * 15 + i / 5 % 6 / 2 * 5 + i % 5 };

    [Test]
    public void WrongShapes()
    {
        OperatorTester Tester() => new OperatorTester("QuantizeLinear", 21).Input(TestTensors.Floats(1, 3, 4)).Output(ElementType.UInt8);
        Tester().Input(TestTensors.Floats(1, 3)).Fails<InvalidGraphException>();
        Tester().Input(TestTensors.Floats(1, 4)).Attribute("axis", 2).Fails<InvalidGraphException>();
        Tester().Input(TestTensors.Floats(1, 4)).Input(TestTensors.Random(ElementType.UInt8, 1, 0, 9, 3)).Fails<InvalidGraphException>();
        Tester().Input(TestTensors.Floats(1, 3, 3)).Attribute("block_size", 2).Fails<InvalidGraphException>();
        Tester().Input(TestTensors.Floats(1, 3, 2)).Attribute("block_size", -2).Fails<InvalidGraphException>();
    }
}
