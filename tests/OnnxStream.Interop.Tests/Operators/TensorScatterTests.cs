namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class TensorScatterTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values("linear", "circular")] string mode, [Values] bool hasPositions)
    {
        OperatorTester tester = new OperatorTester("TensorScatter", 24).Input(TestTensors.Floats(1, 2, 3, 6, 4)).Input(TestTensors.Floats(2, 2, 3, 2, 4)).Attribute("mode", mode);
        _ = hasPositions ? tester.Input(TestTensors.Integers(3, mode == "circular" ? 5 : 4)) : tester;
        tester.Check();
    }

    [Test]
    public void AnotherAxis() =>
        new OperatorTester("TensorScatter", 24).Input(TestTensors.Floats(1, 2, 6, 3, 4)).Input(TestTensors.Floats(2, 2, 2, 3, 4)).Input(TestTensors.Integers(0, 4)).Attribute("axis", 1).Check();

    [Test]
    public void WhatDoesNotFit()
    {
        OperatorTester Tester(params long[] update) => new OperatorTester("TensorScatter", 24).Input(TestTensors.Floats(1, 2, 3, 6, 4)).Input(TestTensors.Floats(2, update));
        Tester(2, 3, 7, 4).Fails<InvalidGraphException>();
        Tester(2, 2, 2, 4).Fails<InvalidGraphException>();
        Tester(2, 3, 2, 4).Attribute("axis", 0).Fails<InvalidGraphException>();
        Tester(2, 3, 2, 4).Attribute("mode", "round").Fails<InvalidGraphException>();
        Tester(2, 3, 2, 4).Input(TestTensors.Integers(0, 0, 0)).Fails<InvalidGraphException>();
    }

    [Test]
    public void BehindTheEnd()
    {
        OperatorTester tester = new OperatorTester("TensorScatter", 24).Input(TestTensors.Floats(1, 2, 3, 6, 4)).Input(TestTensors.Floats(2, 2, 3, 2, 4)).Input(TestTensors.Integers(0, 5));
        Assert.That(tester.Run, Throws.InstanceOf<OnnxStreamException>());
    }
}
