using CsCheck;

namespace OnnxStream.Interop.Tests.Rewrites;

[NativeMemoryLeakCheck]
public class FuseActivationsTests
{
    private const string Fused = "1 onnxstream.Activation";
    private const string FusedGate = "1 onnxstream.GatedActivation";
    private const float RootOfHalf = 0.70710678f;

    private static readonly TensorBuffer s_data = TestTensors.Random(ElementType.Float32, 1, -6, 6, 3, 37);

    private static PassTester Start(TensorBuffer? data = null, int operatorSet = 17) => new PassTester(operatorSet) { Tolerance = 1e-5 }.Input("x", data ?? s_data)
        .Scalar("half", 0.5f).Scalar("one", 1).Scalar("two", 2).Scalar("three", 3).Scalar("rootOfTwo", 1.41421356f).Scalar("rootOfHalf", RootOfHalf)
        .Scalar("quick", 1.702f).Scalar("cubic", 0.044715f).Scalar("rootOfTwoOverPi", 0.79788456f);

    private static PassTester Silu(PassTester tester, string x, string y, bool sigmoidFirst = false) =>
        tester.Node("Sigmoid", x, y + "/sigmoid").Node("Mul", sigmoidFirst ? $"{y}/sigmoid {x}" : $"{x} {y}/sigmoid", y);

    private static PassTester Gelu(PassTester tester, string x, string y, int half = 0, bool divides = true, bool swap = false)
    {
        tester.Node(divides ? "Div" : "Mul", divides ? $"{x} rootOfTwo" : swap ? $"rootOfHalf {x}" : $"{x} rootOfHalf", y + "/z").Node("Erf", y + "/z", y + "/erf").Node("Add", swap ? $"one {y}/erf" : $"{y}/erf one", y + "/bracket");
        return half switch
        {
            // (x * bracket) * 0.5
            0 => tester.Node("Mul", swap ? $"{y}/bracket {x}" : $"{x} {y}/bracket", y + "/product").Node("Mul", swap ? $"half {y}/product" : $"{y}/product half", y),

            // (x * 0.5) * bracket
            1 => tester.Node("Mul", swap ? $"half {x}" : $"{x} half", y + "/half").Node("Mul", swap ? $"{y}/bracket {y}/half" : $"{y}/half {y}/bracket", y),

            // x * (bracket * 0.5)
            _ => tester.Node("Mul", swap ? $"half {y}/bracket" : $"{y}/bracket half", y + "/half").Node("Mul", swap ? $"{y}/half {x}" : $"{x} {y}/half", y),
        };
    }

    private static PassTester GeluTanh(PassTester tester, string x, string y, bool swap = false, bool halfOfProduct = false)
    {
        tester.Node("Pow", $"{x} three", y + "/cube").Node("Mul", swap ? $"cubic {y}/cube" : $"{y}/cube cubic", y + "/cubic").Node("Add", swap ? $"{y}/cubic {x}" : $"{x} {y}/cubic", y + "/sum")
            .Node("Mul", swap ? $"rootOfTwoOverPi {y}/sum" : $"{y}/sum rootOfTwoOverPi", y + "/inner").Node("Tanh", y + "/inner", y + "/tanh").Node("Add", swap ? $"one {y}/tanh" : $"{y}/tanh one", y + "/bracket");
        return halfOfProduct
            ? tester.Node("Mul", swap ? $"{y}/bracket {x}" : $"{x} {y}/bracket", y + "/product").Node("Mul", swap ? $"half {y}/product" : $"{y}/product half", y)
            : tester.Node("Mul", swap ? $"half {x}" : $"{x} half", y + "/half").Node("Mul", swap ? $"{y}/bracket {y}/half" : $"{y}/half {y}/bracket", y);
    }

    private static PassTester QuickGelu(PassTester tester, string x, string y, bool swap = false) =>
        tester.Node("Mul", swap ? $"quick {x}" : $"{x} quick", y + "/scaled").Node("Sigmoid", y + "/scaled", y + "/sigmoid").Node("Mul", swap ? $"{y}/sigmoid {x}" : $"{x} {y}/sigmoid", y);

    [Test]
    public void Silu([Values] bool sigmoidFirst) => Silu(Start(), "x", "y", sigmoidFirst).Output("y").Becomes(Fused).Check();

    [Test]
    public void QuickGelu([Values] bool swap) => QuickGelu(Start(), "x", "y", swap).Output("y").Becomes(Fused).Check();

    [Test]
    public void GeluByErf([Values(0, 1, 2)] int half, [Values] bool divides, [Values] bool swap) => Gelu(Start(), "x", "y", half, divides, swap).Output("y").Becomes(Fused).Check();

    [Test]
    public void GeluByTanh([Values] bool swap, [Values] bool halfOfProduct) => GeluTanh(Start(), "x", "y", swap, halfOfProduct).Output("y").Becomes(Fused).Check();

    [Test]
    public void SiluThatIsAnOutputAndRead() => Silu(Start(), "x", "a").Node("Sin", "a", "y").Output("a").Output("y").Becomes("1 Sin, 1 onnxstream.Activation").Check();

    // SiLU of a tensor that is itself a product, which is read in two places.
    [Test]
    public void OfAProduct() => Gelu(Start().Node("Mul", "x two", "a"), "a", "y", half: 1).Output("y").Becomes("1 Mul, 1 onnxstream.Activation").Check();

    [Test]
    public void OneAfterTheOther() => Gelu(Silu(Start(), "x", "a"), "a", "y").Output("y").Becomes("2 onnxstream.Activation").Check();

    [TestCase("y/sigmoid")]
    public void SiluIntermediateIsAnOutput(string name) => Silu(Start(), "x", "y").Output("y").Output(name).Has(0, "onnxstream.Activation").Check();

    [TestCase("y/scaled")]
    [TestCase("y/sigmoid")]
    public void QuickGeluIntermediateIsAnOutput(string name) => QuickGelu(Start(), "x", "y").Output("y").Output(name).Has(0, "onnxstream.Activation").Check();

    [TestCase("y/z")]
    [TestCase("y/erf")]
    [TestCase("y/bracket")]
    [TestCase("y/product")]
    public void GeluIntermediateIsReadElsewhere(string name) => Gelu(Start(), "x", "y").Node("Sin", name, "v").Output("y").Output("v").Has(0, "onnxstream.Activation").Check();

    [TestCase("y/cube")]
    [TestCase("y/cubic")]
    [TestCase("y/sum")]
    [TestCase("y/inner")]
    [TestCase("y/tanh")]
    [TestCase("y/bracket")]
    [TestCase("y/half")]
    public void GeluTanhIntermediateIsAnOutput(string name) => GeluTanh(Start(), "x", "y").Output("y").Output(name).Has(0, "onnxstream.Activation").Check();

    [Test]
    public void SigmoidOfAnotherValue() => Start().Input("z", s_data).Node("Sigmoid", "z", "s").Node("Mul", "x s", "y").Output("y").Becomes("1 Mul, 1 Sigmoid").Check();

    [Test]
    public void OtherFactorOfQuickGelu() => Start().Node("Mul", "x two", "a").Node("Sigmoid", "a", "s").Node("Mul", "x s", "y").Output("y").Becomes("2 Mul, 1 Sigmoid").Check();

    [Test]
    public void OtherDivisorOfGelu() => Start().Node("Div", "x two", "z").Node("Erf", "z", "e").Node("Add", "e one", "b").Node("Mul", "x b", "p").Node("Mul", "p half", "y").Output("y").Has(0, "onnxstream.Activation").Check();

    [Test]
    public void OtherSummandOfGelu() => Start().Node("Div", "x rootOfTwo", "z").Node("Erf", "z", "e").Node("Add", "e two", "b").Node("Mul", "x b", "p").Node("Mul", "p half", "y").Output("y").Has(0, "onnxstream.Activation").Check();

    [Test]
    public void OtherFactorOfGelu() => Start().Node("Div", "x rootOfTwo", "z").Node("Erf", "z", "e").Node("Add", "e one", "b").Node("Mul", "x b", "p").Node("Mul", "p two", "y").Output("y").Has(0, "onnxstream.Activation").Check();

    [Test]
    public void DividesTheOtherWay() => Start(TestTensors.Random(ElementType.Float32, 1, 1, 2, 7)).Node("Div", "rootOfTwo x", "z").Node("Erf", "z", "e").Node("Add", "e one", "b").Node("Mul", "x b", "p").Node("Mul", "p half", "y").Output("y").Has(0, "onnxstream.Activation").Check();

    [Test]
    public void OtherExponent() =>
        Start().Node("Pow", "x two", "c").Node("Mul", "c cubic", "d").Node("Add", "x d", "s").Node("Mul", "s rootOfTwoOverPi", "i").Node("Tanh", "i", "t").Node("Add", "t one", "b").Node("Mul", "x half", "h").Node("Mul", "h b", "y")
            .Output("y").Has(0, "onnxstream.Activation").Check();

    [Test]
    public void DoublePrecision() =>
        new PassTester().Input("x", TestTensors.Random(ElementType.Float64, 1, -4, 4, 3, 7)).Node("Sigmoid", "x", "s").Node("Mul", "x s", "y").Output("y", ElementType.Float64).Becomes("1 Mul, 1 Sigmoid").Check();

    // A constant of one element may add dimensions.
    [Test]
    public void FactorThatAddsDimensions() =>
        new PassTester().Input("x", TestTensors.Floats(1, 7)).Constant("c", TensorBuffer.Create<float>([1.702f], 1, 1, 1)).Node("Mul", "x c", "a").Node("Sigmoid", "a", "s").Node("Mul", "x s", "y").Output("y")
            .Has(0, "onnxstream.Activation").Check();

    [Test]
    public void Gate([Values] bool valueFirst, [Values] bool slices, [Values] bool silu)
    {
        PassTester tester = Halves(Start(TestTensors.Random(ElementType.Float32, 1, -6, 6, 2, 5, 38)), slices, 19, -1, 2);
        _ = silu ? Silu(tester, "b", "g") : Gelu(tester, "b", "g");
        tester.Node("Mul", valueFirst ? "a g" : "g a", "y").Output("y").Becomes(FusedGate).Check();
    }

    [Test]
    public void GateWithPositiveAxisAndNegativeStart() =>
        Silu(Start(TestTensors.Floats(1, 2, 5, 38)).Integers("zero", 0).Integers("middle", -19).Integers("end", long.MaxValue).Integers("axis", 2).Node("Slice", "x zero middle axis", "a").Node("Slice", "x middle end axis", "b"), "b", "g")
            .Node("Mul", "a g", "y").Output("y").Becomes(FusedGate).Check();

    [Test]
    public void GateOfAProduct() =>
        Silu(Halves(Start().Constant("w", TestTensors.Random(ElementType.Float32, 3, -0.1, 0.1, 37, 64)).Node("MatMul", "x w", "p"), slices: false, 32, -1, 1, "p"), "b", "g").Node("Mul", "a g", "y").Output("y").Becomes("1 onnxstream.FullyConnected").Check();

    // The first half is activated: another formula.
    [Test]
    public void GateOfTheFirstHalf([Values] bool slices) =>
        Silu(Halves(Start(TestTensors.Floats(1, 5, 38)), slices, 19, -1, 1), "a", "g").Node("Mul", "b g", "y").Output("y").Has(0, "onnxstream.GatedActivation").Has(1, "onnxstream.Activation").Check();

    [Test]
    public void GateOnAnotherAxis([Values] bool slices) =>
        Silu(Halves(Start(TestTensors.Floats(1, 2, 10, 5)), slices, 5, 1, 1), "b", "g").Node("Mul", "a g", "y").Output("y").Has(0, "onnxstream.GatedActivation").Check();

    [Test]
    public void GateOfThreeParts() =>
        Silu(Start(TestTensors.Floats(1, 5, 39)).Integers("sizes", 13, 13, 13).Node("Split", "x sizes", "a b c", ("axis", -1)), "b", "g").Node("Mul", "a g", "y").Output("y").Output("c").Has(0, "onnxstream.GatedActivation").Check();

    [TestCase("a")]
    [TestCase("b")]
    [TestCase("g")]
    public void GateIntermediateIsAnOutput(string name) =>
        Silu(Halves(Start(TestTensors.Floats(1, 5, 38)), slices: false, 19, -1, 1), "b", "g").Node("Mul", "a g", "y").Output("y").Output(name).Has(0, "onnxstream.GatedActivation").Has(1, "onnxstream.Activation").Check();

    [TestCase("a")]
    [TestCase("b")]
    [TestCase("g")]
    public void GateIntermediateIsReadElsewhere(string name) =>
        Silu(Halves(Start(TestTensors.Floats(1, 5, 38)), slices: true, 19, -1, 1), "b", "g").Node("Mul", "a g", "y").Node("Sin", name, "z").Output("y").Output("z").Has(0, "onnxstream.GatedActivation").Check();

    // Every second element, and halves that overlap.
    [TestCase(0, 38, 2, 1, 38, 2)]
    [TestCase(0, 19, 1, 18, 37, 1)]
    [TestCase(0, 19, 1, 37, 18, -1)]
    [TestCase(19, 38, 1, 0, 19, 1)]
    public void OtherSlices(long start, long end, long step, long gateStart, long gateEnd, long gateStep) =>
        Silu(Start(TestTensors.Floats(1, 5, 38)).Integers("axis", 1).Integers("s", start).Integers("e", end).Integers("t", step).Integers("gs", gateStart).Integers("ge", gateEnd).Integers("gt", gateStep)
            .Node("Slice", "x s e axis t", "a").Node("Slice", "x gs ge axis gt", "b"), "b", "g").Node("Mul", "a g", "y").Output("y").Has(0, "onnxstream.GatedActivation").Check();

    [Test]
    public void HalvesOfDifferentTensors() =>
        Silu(Start(TestTensors.Floats(1, 5, 38)).Input("z", TestTensors.Floats(2, 5, 38)).Integers("axis", 1).Integers("zero", 0).Integers("middle", 19).Integers("end", 38)
            .Node("Slice", "x zero middle axis", "a").Node("Slice", "z middle end axis", "b"), "b", "g").Node("Mul", "a g", "y").Output("y").Has(0, "onnxstream.GatedActivation").Check();

    [Test]
    public void RandomShapes() =>
        Gen.Select(Gen.Long[1, 3], Gen.Long[1, 40], Gen.Long[1, 70], Gen.Int[0, 3], Gen.Bool, Gen.Bool).Sample(
            (batch, rows, columns, kind, gated, slices) =>
            {
                PassTester tester = Start(TestTensors.Random(ElementType.Float32, 1, -6, 6, batch, rows, gated ? 2 * columns : columns));
                if (gated)
                {
                    Halves(tester, slices, columns, -1, 2);
                }

                string x = gated ? "b" : "x";
                _ = kind switch { 0 => Silu(tester, x, "g"), 1 => Gelu(tester, x, "g"), 2 => GeluTanh(tester, x, "g"), _ => QuickGelu(tester, x, "g") };
                (gated ? tester.Node("Mul", "a g", "y").Output("y").Becomes(FusedGate) : tester.Output("g").Becomes(Fused)).Check();
            },
            iter: 40, threads: 1);

    private static PassTester Halves(PassTester tester, bool slices, long size, int axis, int positiveAxis, string x = "x") => slices
        ? tester.Integers("zero", 0).Integers("middle", size).Integers("end", 2 * size).Integers("axis", axis).Integers("positive", positiveAxis)
            .Node("Slice", $"{x} zero middle axis", "a").Node("Slice", $"{x} middle end positive", "b")
        : tester.Integers("sizes", size, size).Node("Split", $"{x} sizes", "a b", ("axis", axis));
}
