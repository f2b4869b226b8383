namespace OnnxStream.Interop.Tests.Operators;

// LinearAttentionTests compares the operator of ONNX, which this one is made of, with plain loops.
[NativeMemoryLeakCheck]
public class PackedLinearAttentionTests
{
    [Test]
    public void Rules([Values("linear", "gated", "delta", "gated_delta", null)] string? rule, [Values(1, 2, 4)] int queryHeads, [Values(2, 4)] int heads, [Values] bool hasPast)
    {
        if (queryHeads < heads && heads % queryHeads != 0)
        {
            return;
        }

        OperatorTester tester = new OperatorTester("LinearAttention", 17, "com.microsoft") { Tolerance = 1e-4 }.Input(TestTensors.Floats(1, 2, 3, queryHeads * 8)).Input(TestTensors.Random(ElementType.Float32, 2, -0.5, 0.5, 2, 3, heads * 8)).Input(TestTensors.Floats(3, 2, 3, heads * 6)).Input(hasPast ? TestTensors.Floats(4, 2, heads, 8, 6) : null);
        tester.Input(rule is "linear" or "delta" ? null : TestTensors.Random(ElementType.Float32, 5, -2, 0, 2, 3, heads)).Input(rule is "linear" or "gated" ? null : TestTensors.Random(ElementType.Float32, 6, 0, 1, 2, 3, heads));
        _ = rule is null ? tester : tester.Attribute("update_rule", rule);
        tester.Output(ElementType.Float32).Output(ElementType.Float32).Attribute("q_num_heads", queryHeads).Attribute("kv_num_heads", heads).Check();
    }

    [Test]
    public void Windows() => new OperatorTester("LinearAttention", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 3, 8)).Input(TestTensors.Floats(2, 2, 3, 8)).Input(TestTensors.Floats(3, 2, 3, 8)).Attribute("q_num_heads", 1).Attribute("kv_num_heads", 1).Attribute("update_rule", "linear").Attribute("state_window", 2).Fails<UnsupportedOperatorException>();
}
