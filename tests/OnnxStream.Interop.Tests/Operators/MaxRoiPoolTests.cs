namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class MaxRoiPoolTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values(1f, 0.5f)] float scale) =>
        new OperatorTester("MaxRoiPool", 13).Input(TestTensors.Floats(1, 2, 3, 9, 10)).Input(TensorBuffer.Create<float>([0, 1, 2, 7, 8, 1, 0, 0, 3, 4, 1, 5, 5, 5, 5, 0, 6, 6, 14, 15], 4, 5))
            .Attribute("pooled_shape", new[] { 3, 2 }).Attribute("spatial_scale", scale).Check();

    [TestCase(2f)]
    [TestCase(-1f)]
    [TestCase(float.NaN)]
    public void ImageOutOfRange(float image) =>
        new OperatorTester("MaxRoiPool", 13).Input(TestTensors.Floats(1, 2, 3, 9, 10)).Input(TensorBuffer.Create<float>([image, 1, 2, 7, 8], 1, 5)).Attribute("pooled_shape", new[] { 3, 2 }).Fails<InvalidInputException>();

    [Test]
    public void FarAwayRegions()
    {
        TensorBuffer regions = TensorBuffer.Create<float>([0, -1e30f, -1e30f, 1e30f, 1e30f, 0, float.NaN, 0, float.PositiveInfinity, 3], 2, 5);
        Assert.That(new OperatorTester("MaxRoiPool", 13).Input(TestTensors.Floats(1, 1, 1, 9, 10)).Input(regions).Attribute("pooled_shape", new[] { 3, 2 }).Run().Shape, Is.EqualTo(new Shape(2, 1, 3, 2)));
    }

    [Test]
    public void WrongAttributes()
    {
        OperatorTester Tester() => new OperatorTester("MaxRoiPool", 13).Input(TestTensors.Floats(1, 2, 3, 9, 10)).Input(TestTensors.Floats(1, 2, 5));
        Tester().Fails<InvalidGraphException>();
        Tester().Attribute("pooled_shape", new[] { 0, 2 }).Fails<InvalidGraphException>();
    }
}
