using Microsoft.ML.OnnxRuntime;

namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class SparseAttentionTests
{
    [Test]
    public void Prompts([Values(5, 40)] int tokens, [Values(1, 2)] int layouts, [Values] bool hasRotation) => Check(tokens, tokens, layouts, hasRotation);

    [Test]
    public void Tokens([Values(17, 33, 48)] int total, [Values(1, 2)] int layouts, [Values] bool hasRotation) => Check(1, total, layouts, hasRotation);

    [Test]
    public void WrongBlocks()
    {
        Make(5, 49, 1, hasRotation: false).Fails<InvalidGraphException>();
        Make(1, 48, 1, hasRotation: false, column: 7).Fails<InvalidGraphException>();
    }

    private static void Check(int tokens, int total, int layouts, bool hasRotation) =>
        Make(tokens, total, layouts, hasRotation).CheckAgainst(_ => Run(Make(tokens, total, layouts, hasRotation).BuildModel(asConstants: false), [.. Inputs(tokens, total, layouts, hasRotation, 2)]));

    // ONNX Runtime wants the same memory for the cache before and behind.
    private static TensorBuffer[] Run(byte[] model, TensorBuffer?[] inputs)
    {
        using Microsoft.ML.OnnxRuntime.InferenceSession session = new(model);
        using OrtIoBinding binding = session.CreateIoBinding();
        using Microsoft.ML.OnnxRuntime.RunOptions options = new();
        List<OrtValue> values = [];
        float[][] caches = [.. inputs[3..5].Select(cache => cache!.Span<float>().ToArray())];
        try
        {
            for (int i = 0; i < inputs.Length; i++)
            {
                if (inputs[i] is { } input && i is not (5 or 6))
                {
                    OrtValue value = i is 3 or 4 ? OrtValue.CreateTensorValueFromMemory(caches[i - 3], input.Shape.ToArray()) :
                        input.ElementType == ElementType.Int32 ? OrtValue.CreateTensorValueFromMemory(input.Span<int>().ToArray(), input.Shape.ToArray()) : OrtValue.CreateTensorValueFromMemory(input.Span<float>().ToArray(), input.Shape.ToArray());
                    values.Add(value);
                    binding.BindInput($"i{i}", value);
                    if (i is 3 or 4)
                    {
                        binding.BindOutput($"o{i - 2}", value);
                    }
                }
            }

            binding.BindOutputToDevice("o0", OrtMemoryInfo.DefaultInstance);
            using IDisposableReadOnlyCollection<OrtValue> outputs = session.RunWithBoundResults(options, binding);
            int first = binding.GetOutputNames().ToList().IndexOf("o0");
            long[] shape = outputs[first].GetTensorTypeAndShape().Shape;
            return [TensorBuffer.Create<float>(outputs[first].GetTensorDataAsSpan<float>(), shape), TensorBuffer.Create<float>(caches[0], inputs[3]!.Shape.ToArray()), TensorBuffer.Create<float>(caches[1], inputs[4]!.Shape.ToArray())];
        }
        finally
        {
            values.ForEach(value => value.Dispose());
        }
    }

    // Three rows of blocks of 16; the last one leaves a block out.
    private static IEnumerable<TensorBuffer?> Inputs(int tokens, int total, int layouts, bool hasRotation, int column)
    {
        double[] rows = [0, 1, 3, 5];
        double[] columns = [0, 0, 1, 0, column];
        double[] otherColumns = [0, 0, 1, 1, 2];
        return
        [
            TestTensors.Floats(1, 1, tokens, 64), TestTensors.Floats(2, 1, tokens, 32), TestTensors.Floats(3, 1, tokens, 32), TestTensors.Floats(4, 1, 2, 48, 16), TestTensors.Floats(5, 1, 2, 48, 16),
            TestTensors.FromDoubles(ElementType.Int32, layouts == 1 ? rows : [.. rows, .. rows], layouts, 4), TestTensors.FromDoubles(ElementType.Int32, layouts == 1 ? columns : [.. columns, .. otherColumns], layouts, 5),
            TestTensors.Scalar(ElementType.Int32, total), TestTensors.FromDoubles(ElementType.Int32, [total], 1), hasRotation ? TestTensors.Floats(6, 48, 8) : null, hasRotation ? TestTensors.Floats(7, 48, 8) : null,
        ];
    }

    private static OperatorTester Make(int tokens, int total, int layouts, bool hasRotation, int column = 2)
    {
        OperatorTester tester = new("SparseAttention", 17, "com.microsoft");
        TensorBuffer?[] inputs = [.. Inputs(tokens, total, layouts, hasRotation, column)];
        for (int i = 0; i < inputs.Length; i++)
        {
            tester.Input(inputs[i], isConstant: i is 5 or 6);
        }

        return tester.Output(ElementType.Float32).Output(ElementType.Float32).Output(ElementType.Float32).Attribute("num_heads", 4).Attribute("kv_num_heads", 2).Attribute("sparse_block_size", 16).Attribute("scale", 0.25f).Attribute("do_rotary", hasRotation ? 1 : 0);
    }
}
