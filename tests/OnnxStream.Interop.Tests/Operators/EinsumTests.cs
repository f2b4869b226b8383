namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class EinsumTests
{
    private static readonly (string Equation, long[][] Shapes)[] s_cases =
    [
        ("ij->ij", [[3, 4]]),
        ("ij->ji", [[3, 4]]),
        ("ij->", [[3, 4]]),
        ("ij->j", [[3, 4]]),
        ("ij", [[3, 4]]),
        ("ba", [[3, 4]]),
        ("ii", [[4, 4]]),
        ("ii->i", [[4, 4]]),
        ("iij->ij", [[4, 4, 3]]),
        ("...ii->...i", [[2, 3, 4, 4]]),
        ("i->i", [[4]]),
        ("ij,jk->ik", [[3, 4], [4, 5]]),
        ("ij,jk", [[3, 4], [4, 5]]),
        ("ij , kj -> ki", [[3, 4], [5, 4]]),
        ("bij,bjk->bik", [[2, 3, 4], [2, 4, 5]]),
        ("bhwc,hkc->bhwk", [[2, 3, 4, 5], [3, 6, 5]]),
        ("bhqd,bhkd->bhqk", [[2, 3, 4, 5], [2, 3, 6, 5]]),
        ("bqhd,bkhd->bhqk", [[2, 4, 3, 5], [2, 6, 3, 5]]),
        ("i,j->ij", [[3], [4]]),
        ("i,i->", [[4], [4]]),
        ("i,i->i", [[4], [4]]),
        ("ij,ij->ij", [[3, 4], [3, 4]]),
        ("ij,i->ij", [[3, 4], [3]]),
        ("ij,kl->", [[3, 4], [2, 5]]),
        ("ijk,ikl->jl", [[3, 4, 5], [3, 5, 2]]),
        ("...ij,...jk->...ik", [[2, 3, 4], [2, 4, 5]]),
        ("...ij,jk->...ik", [[2, 6, 3, 4], [4, 5]]),
        ("i...,j...->ij...", [[2, 6], [3, 6]]),
        ("ab,bc,cd->ad", [[2, 3], [3, 4], [4, 5]]),
        ("ab,b,cb->ac", [[2, 3], [3], [4, 3]]),
        ("bsd,dnh->bsnh", [[2, 3, 8], [8, 4, 5]]),
        ("bsnh,nhd->bsd", [[2, 3, 4, 5], [4, 5, 8]]),
        ("bsd,nhd->bnsh", [[2, 3, 8], [4, 5, 8]]),
        ("ij,jk->ik", [[3, 1], [4, 5]]),
        ("Aa,ab->bA", [[3, 4], [4, 2]]),
        ("ij,jk->ik", [[70, 90], [90, 80]]),
    ];

    [Test]
    public void AgreesWithOnnxRuntime([ValueSource(nameof(s_cases))] (string Equation, long[][] Shapes) test, [Values] bool constant)
    {
        OperatorTester tester = new OperatorTester("Einsum", 12) { Tolerance = 1e-4 }.Attribute("equation", test.Equation);
        for (int i = 0; i < test.Shapes.Length; i++)
        {
            tester.Input(TestTensors.Floats(i + 1, test.Shapes[i]), constant && i > 0);
        }

        tester.Check(constantsToo: !constant);
    }

    [Test]
    public void OtherTypes([Values(ElementType.Float64, ElementType.Int64, ElementType.Int32)] ElementType type) =>
        new OperatorTester("Einsum", 12).Input(TestTensors.Random(type, 1, -9, 9, 2, 3, 4)).Input(TestTensors.Random(type, 2, -9, 9, 2, 4, 5)).Attribute("equation", "bij,bjk->bik").Output(type).Check();

    [TestCase("ij,jk->ik", new long[] { 3, 0 }, new long[] { 0, 5 })]
    [TestCase("ij,jk->ik", new long[] { 0, 4 }, new long[] { 4, 5 })]
    [TestCase("ij,ij->ij", new long[] { 0, 4 }, new long[] { 0, 4 })]
    public void Empty(string equation, long[] left, long[] right)
    {
        TensorBuffer actual = new OperatorTester("Einsum", 12).Input(TestTensors.Floats(1, left)).Input(TestTensors.Floats(1, right)).Attribute("equation", equation).Run();
        Assert.That(actual.Shape, Is.EqualTo(new Shape(left[0], right[1])));
        Assert.That(TestTensors.ToDoubles(actual), Is.All.EqualTo(0));
    }

    [TestCase("ij")]
    [TestCase("ij,jk,kl->il")]
    [TestCase("ijk,jk->i")]
    [TestCase("ij,jk->im")]
    [TestCase("ij,jk->ii")]
    [TestCase("ij,jk->i->k")]
    [TestCase("i1,jk->ik")]
    [TestCase("ij,ik->jk")]
    [TestCase("...ij......,jk->ik")]
    [TestCase("...j,jk->k")]
    [TestCase("")]
    public void WrongEquations(string equation) =>
        new OperatorTester("Einsum", 12).Input(TestTensors.Floats(1, 3, 4)).Input(TestTensors.Floats(1, 4, 5)).Attribute("equation", equation).Fails<InvalidGraphException>();
}
