namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class DeformConvTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values] bool hasBias, [Values] bool hasMask, [Values(1, 2)] int groups, [Values(1, 2)] int offsetGroups)
    {
        OperatorTester tester = new OperatorTester("DeformConv", 19) { Tolerance = 1e-4 }.Input(TestTensors.Floats(1, 2, 4, 6, 7)).Input(TestTensors.Floats(2, 6, 4 / groups, 3, 2))
            .Input(TestTensors.Random(ElementType.Float32, 3, -3, 3, 2, offsetGroups * 12, 3, 7)).Input(hasBias ? TestTensors.Floats(4, 6) : null)
            .Attribute("group", groups).Attribute("offset_group", offsetGroups).Attribute("pads", new long[] { 1, 0, 1, 2 }).Attribute("strides", new long[] { 2, 1 }).Attribute("dilations", new long[] { 1, 2 });
        _ = hasMask ? tester.Input(TestTensors.Floats(5, 2, offsetGroups * 6, 3, 7)) : tester;
        tester.Check();
    }

    [Test]
    public void WithoutOffsetsItIsAConvolution()
    {
        TensorBuffer image = TestTensors.Floats(1, 1, 2, 5, 5);
        TensorBuffer weight = TestTensors.Floats(2, 3, 2, 3, 3);
        TensorBuffer convolved = new OperatorTester("Conv").Input(image).Input(weight).Run();
        TestTensors.AssertClose(new OperatorTester("DeformConv", 22).Input(image).Input(weight).Input(new TensorBuffer(ElementType.Float32, new Shape(1, 18, 3, 3))).Run(), convolved, 1e-5, "DeformConv");
    }

    [Test]
    public void WhatDoesNotFit()
    {
        OperatorTester Tester(params long[] offsets) => new OperatorTester("DeformConv", 19).Input(TestTensors.Floats(1, 1, 2, 5, 5)).Input(TestTensors.Floats(2, 3, 2, 3, 3)).Input(TestTensors.Floats(3, offsets));
        Tester(1, 9, 3, 3).Fails<InvalidGraphException>();
        Tester(1, 18, 5, 5).Fails<InvalidGraphException>();
        Tester(1, 18, 3, 3).Attribute("offset_group", 4).Fails<InvalidGraphException>();
        Tester(1, 18, 3, 3).Input(null).Input(TestTensors.Floats(4, 1, 18, 3, 3)).Fails<InvalidGraphException>();
    }
}
