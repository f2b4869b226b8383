namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class NonMaxSuppressionTests
{
    [Test]
    public void AgreesWithOnnxRuntime([Values(0, 1)] int centerPoint, [Values(0, 1, 4, 1000)] long limit, [Values(0f, 0.2f, 0.7f)] float overlap, [Values] bool constant) =>
        new OperatorTester("NonMaxSuppression", 11)
            .Input(TestTensors.Random(ElementType.Float32, 1, 0.1, 3, 2, 40, 4)).Input(TestTensors.Random(ElementType.Float32, 2, -1, 1, 2, 3, 40))
            .Input(TestTensors.Integers(limit), constant).Input(TensorBuffer.Create<float>([overlap], 1), constant).Input(TensorBuffer.Create<float>([-0.3f], 1), constant)
            .Attribute("center_point_box", centerPoint).Output(ElementType.Int64).Check(constantsToo: constant);

    [Test]
    public void Defaults()
    {
        TensorBuffer boxes = TestTensors.Random(ElementType.Float32, 1, 0.1, 3, 1, 9, 4);
        TensorBuffer scores = TestTensors.Random(ElementType.Float32, 2, -1, 1, 1, 2, 9);
        new OperatorTester("NonMaxSuppression", 10).Input(boxes).Input(scores).Output(ElementType.Int64).Check();
        new OperatorTester("NonMaxSuppression", 10).Input(boxes).Input(scores).Input(TestTensors.Integers(3)).Output(ElementType.Int64).Check();
        new OperatorTester("NonMaxSuppression", 10).Input(boxes).Input(scores).Input(TestTensors.Integers(3)).Input(null).Input(TensorBuffer.Create<float>([0.1f], 1)).Output(ElementType.Int64).Check();
    }

    [Test]
    public void EqualScoresKeepTheirOrder() =>
        new OperatorTester("NonMaxSuppression", 11)
            .Input(TensorBuffer.Create<float>([0, 0, 1, 1, 5, 5, 6, 6, 10, 10, 11, 11, 0, 0, 1, 1], 1, 4, 4)).Input(TensorBuffer.Create<float>([0.5f, 0.5f, -0f, 0f], 1, 1, 4))
            .Input(TestTensors.Integers(4)).Input(TensorBuffer.Create<float>([0.5f], 1)).Output(ElementType.Int64).Check();

    [Test]
    public void WhatFollowsIsPlannedWhenTheNumberIsKnown()
    {
        byte[] model = new ModelBuilder(13)
            .Input("boxes", ElementType.Float32, 1, 20, 4).Input("scores", ElementType.Float32, 1, 1, 20)
            .Initializer("limit", TestTensors.Integers(10)).Initializer("overlap", TensorBuffer.Create<float>([0.3f], 1)).Initializer("one", TestTensors.Integers(1))
            .Node("NonMaxSuppression", "boxes scores limit overlap", "selected").Node("Gather", "selected two", "indices", ("axis", 1)).Initializer("two", TestTensors.Integers(2))
            .Node("Squeeze", "indices one", "flat").Node("Gather", "boxes flat", "result", ("axis", 1)).Output("result").ToBytes();
        using TemporaryFolder folder = new();
        using InferenceSession session = new(folder.Write("model.onnx", model));
        for (int seed = 1; seed <= 3; seed++)
        {
            Dictionary<string, TensorBuffer> inputs = new()
            {
                ["boxes"] = TestTensors.Random(ElementType.Float32, seed, 0, 3, 1, 20, 4),
                ["scores"] = TestTensors.Random(ElementType.Float32, seed + 9, 0, 1, 1, 1, 20),
            };
            TestTensors.AssertClose(session.Run(inputs)["result"], Oracle.Run(model, inputs)["result"], 0, "boxes");
        }
    }

    [Test]
    public void WrongShapes()
    {
        new OperatorTester("NonMaxSuppression", 11).Input(TestTensors.Floats(1, 1, 9, 5)).Input(TestTensors.Floats(1, 1, 1, 9)).Output(ElementType.Int64).Fails<InvalidGraphException>();
        new OperatorTester("NonMaxSuppression", 11).Input(TestTensors.Floats(1, 1, 9, 4)).Input(TestTensors.Floats(1, 1, 1, 8)).Output(ElementType.Int64).Fails<InvalidGraphException>();
        new OperatorTester("NonMaxSuppression", 11).Input(TestTensors.Floats(1, 1, 9, 4)).Input(TestTensors.Floats(1, 1, 1, 9)).Input(TestTensors.Integers(1, 2)).Output(ElementType.Int64).Fails<InvalidGraphException>();
    }
}
