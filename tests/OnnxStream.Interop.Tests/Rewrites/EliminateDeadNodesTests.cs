namespace OnnxStream.Interop.Tests.Rewrites;

[NativeMemoryLeakCheck]
public class EliminateDeadNodesTests
{
    private static readonly TensorBuffer s_data = TestTensors.Floats(1, 2, 6);

    [Test]
    public void BranchThatNobodyReads() =>
        new PassTester().Input("x", s_data).Node("Sin", "x", "a").Node("Exp", "a", "b").Node("Sin", "b", "c").Node("Cos", "a", "y").Output("y").Becomes("1 Cos, 1 Sin").Check();

    [Test]
    public void OneOfSeveralOutputsIsRead() =>
        new PassTester().Input("x", s_data).Node("Split", "x", "a b c", ("axis", 1), ("num_outputs", 3)).Node("Sin", "b", "y").Output("y")
            .Becomes("1 Sin, 1 Split");

    [Test]
    public void EveryNodeIsDead() => new PassTester().Input("x", s_data).Node("Sin", "x", "a").Input("y", s_data).Node("Identity", "y", "z").Output("z").Becomes("1 Identity").Check();
}
