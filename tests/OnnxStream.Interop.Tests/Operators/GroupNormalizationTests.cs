namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class GroupNormalizationTests
{
    [TestCase(1, new long[] { 2, 6, 4, 5 })]
    [TestCase(3, new long[] { 2, 6, 4, 5 })]
    [TestCase(6, new long[] { 2, 6, 4, 5 })]
    [TestCase(2, new long[] { 1, 4, 17 })]
    [TestCase(32, new long[] { 1, 64, 33, 31 })]
    [TestCase(2, new long[] { 1, 8, 130, 131 })]
    public void AgreesWithOnnxRuntime(int groups, long[] shape)
    {
        foreach (int operatorSet in (int[])[18, 21])
        {
            long parameters = operatorSet == 18 ? groups : shape[1];
            new OperatorTester("GroupNormalization", operatorSet)
                .Input(TestTensors.Floats(1, shape)).Input(TestTensors.Floats(2, parameters)).Input(TestTensors.Floats(3, parameters))
                .Attribute("num_groups", groups).Attribute("epsilon", 1e-3f).Check(constantsToo: false);
        }
    }

    [TestCase(4, 6)]
    [TestCase(0, 6)]
    [TestCase(3, 5)]
    public void WrongGroups(int groups, int parameters) =>
        Assert.Throws<InvalidGraphException>(() => new OperatorTester("GroupNormalization", 21)
            .Input(TestTensors.Floats(1, 2, 6, 4)).Input(TestTensors.Floats(2, parameters)).Input(TestTensors.Floats(3, parameters)).Attribute("num_groups", groups).Run());
}
