namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class DepthToSpaceTests
{
    [Test]
    public void Modes([Values("DCR", "CRD")] string mode, [Values(1, 2, 3)] int block, [Values(11, 13)] int operatorSet) =>
        new OperatorTester("DepthToSpace", operatorSet).Input(TestTensors.Floats(1, 2, 36, 3, 5)).Attribute("blocksize", block).Attribute("mode", mode).Check();

    [Test]
    public void OldOperatorSet() => new OperatorTester("DepthToSpace", 7).Input(TestTensors.Floats(1, 1, 8, 3, 5)).Attribute("blocksize", 2).Check();

    [Test]
    public void Inverse([Values(1, 2, 3)] int block, [Values(7, 13)] int operatorSet) =>
        new OperatorTester("SpaceToDepth", operatorSet).Input(TestTensors.Floats(1, 2, 5, 6, 12)).Attribute("blocksize", block).Check();

    [Test]
    public void RefusesWrongNodes()
    {
        new OperatorTester("DepthToSpace", 13).Input(TestTensors.Floats(1, 2, 6, 3, 5)).Attribute("blocksize", 2).Fails<InvalidGraphException>();
        new OperatorTester("DepthToSpace", 13).Input(TestTensors.Floats(1, 2, 8, 3)).Attribute("blocksize", 2).Fails<InvalidGraphException>();
        new OperatorTester("DepthToSpace", 13).Input(TestTensors.Floats(1, 2, 8, 3, 3)).Fails<InvalidGraphException>();
        new OperatorTester("DepthToSpace", 13).Input(TestTensors.Floats(1, 2, 8, 3, 3)).Attribute("blocksize", 2).Attribute("mode", "RCD").Fails<InvalidGraphException>();
        new OperatorTester("SpaceToDepth", 13).Input(TestTensors.Floats(1, 2, 8, 3, 4)).Attribute("blocksize", 2).Fails<InvalidGraphException>();
        new OperatorTester("SpaceToDepth", 13).Input(TestTensors.Floats(1, 2, 8, 4, 4)).Attribute("blocksize", long.MaxValue).Fails<InvalidGraphException>();
    }
}
