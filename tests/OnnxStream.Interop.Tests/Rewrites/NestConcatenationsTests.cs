namespace OnnxStream.Interop.Tests.Rewrites;

[NativeMemoryLeakCheck]
public class NestConcatenationsTests
{
    private static PassTester Tensors() => new PassTester().Input("a", TestTensors.Floats(1, 2, 3, 4)).Input("b", TestTensors.Floats(2, 2, 3, 4)).Input("c", TestTensors.Floats(3, 2, 3, 4)).Input("d", TestTensors.Floats(4, 2, 3, 4));

    private static int[] Counts(PassTester tester) => [.. tester.Rewritten.Nodes.Where(node => node.OperatorType == "Concat").Select(node => node.Inputs.Length)];

    // The longest one that exists, however the axis is written.
    [TestCase(1, -2, new[] { 2, 2, 2 })]
    [TestCase(0, 0, new[] { 2, 2, 2 })]
    [TestCase(1, 2, new[] { 2, 3, 3 })]
    public void Prefixes(int first, int second, int[] counts)
    {
        PassTester tester = Tensors().Node("Concat", "a b", "x", ("axis", first)).Node("Concat", "a b c", "y", ("axis", second)).Node("Concat", second == 2 ? "c b a" : "a b c d", "z", ("axis", second)).Output("x").Output("y").Output("z");
        Assert.That(Counts(tester), Is.EqualTo(counts));
        tester.Check();
    }

    [Test]
    public void OtherOrdersAndEqualOnes()
    {
        PassTester tester = Tensors().Node("Concat", "a b", "x", ("axis", 0)).Node("Concat", "b a c", "y", ("axis", 0)).Node("Concat", "a b", "z", ("axis", 0)).Output("x").Output("y").Output("z");
        Assert.That(Counts(tester), Is.EqualTo((int[])[2, 3, 2]));
        tester.Check();
    }
}
