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

    // CRD is what DepthToSpace of the same order turns back.
    [Test]
    public void InverseModes([Values("DCR", "CRD")] string mode)
    {
        TensorBuffer input = TestTensors.Floats(1, 2, 3, 4, 6);
        TensorBuffer deep = new OperatorTester("SpaceToDepth", 28).Input(input).Attribute("blocksize", 2).Attribute("mode", mode).Run();
        double[] values = TestTensors.ToDoubles(input);
        new OperatorTester("SpaceToDepth", 28).Input(input).Attribute("blocksize", 2).Attribute("mode", mode).CheckAgainst(_ =>
        {
            double[] result = new double[values.Length];
            for (int i = 0; i < values.Length; i++)
            {
                (int n, int c, int y, int x) = (i / 72, i / 24 % 3, i / 6 % 4, i % 6);
                int block = y % 2 * 2 + x % 2;
                int channel = mode == "DCR" ? block * 3 + c : c * 4 + block;
                result[((n * 12 + channel) * 2 + y / 2) * 3 + x / 2] = values[i];
            }

            return [TestTensors.FromDoubles(ElementType.Float32, result, 2, 12, 2, 3)];
        });
        TensorBuffer back = new OperatorTester("DepthToSpace", 28).Input(deep).Attribute("blocksize", 2).Attribute("mode", mode).Run();
        Assert.That(back.Bytes.SequenceEqual(input.Bytes), Is.True);
    }

    [Test]
    public void OrderIsNewInSpaceToDepth() =>
        new OperatorTester("SpaceToDepth", 27).Input(TestTensors.Floats(1, 1, 1, 2, 2)).Attribute("blocksize", 2).Attribute("mode", "CRD").Fails<InvalidGraphException>();

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
