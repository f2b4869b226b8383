namespace OnnxStream.Interop.Tests.Operators;

[NativeMemoryLeakCheck]
public class GroupQueryAttentionTests
{
    [Test]
    public void Prompt([Values(0, 1)] int rotary, [Values(-1, 3)] int window, [Values] bool isPacked) =>
        Tester(isPacked, tokens: 6, past: 0, cache: 0).Attribute("do_rotary", rotary).Attribute("local_window_size", window).Check(constantsToo: false);

    [Test]
    public void NextToken([Values(0, 1)] int rotary, [Values(0, 1)] int interleaved, [Values(0, 4f)] float softCap) =>
        Tester(isPacked: false, tokens: 1, past: 5, cache: 5).Attribute("do_rotary", rotary).Attribute("rotary_interleaved", interleaved).Attribute("softcap", softCap).Check(constantsToo: false);

    [Test]
    public void SequencesOfDifferentLengths()
    {
        OperatorTester tester = new OperatorTester("GroupQueryAttention", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 6, 32)).Input(TestTensors.Floats(2, 2, 6, 16)).Input(TestTensors.Floats(3, 2, 6, 16)).Input(null).Input(null)
            .Input(TensorBuffer.Create<int>([5, 3], 2)).Input(TensorBuffer.Create<int>([6])).Attribute("num_heads", 4).Attribute("kv_num_heads", 2);
        tester.Fails<UnsupportedOperatorException>();
    }

    private static OperatorTester Tester(bool isPacked, long tokens, long past, long cache)
    {
        OperatorTester tester = new OperatorTester("GroupQueryAttention", 17, "com.microsoft").Attribute("num_heads", 4).Attribute("kv_num_heads", 2);
        _ = isPacked
            ? tester.Input(TestTensors.Floats(1, 2, tokens, 128)).Input(null).Input(null)
            : tester.Input(TestTensors.Floats(1, 2, tokens, 64)).Input(TestTensors.Floats(2, 2, tokens, 32)).Input(TestTensors.Floats(3, 2, tokens, 32));
        _ = cache > 0 ? tester.Input(TestTensors.Floats(4, 2, 2, cache, 16)).Input(TestTensors.Floats(5, 2, 2, cache, 16)) : tester.Input(null).Input(null);
        int last = (int)(past + tokens - 1);
        return tester.Input(TensorBuffer.Create<int>([last, last], 2)).Input(TensorBuffer.Create<int>([last + 1])).Input(TestTensors.Floats(6, 20, 8)).Input(TestTensors.Floats(7, 20, 8))
            .Output(ElementType.Float32).Output(ElementType.Float32).Output(ElementType.Float32);
    }

    // Found by mutated models: lengths without a number, and a rank that was not looked at.
    [TestCase(0, 4)]
    [TestCase(1, 2)]
    public void WrongInputs(long lengths, int rank)
    {
        TensorBuffer before = TestTensors.Floats(4, rank == 4 ? [2, 2, 3, 8] : [2, 2]);
        new OperatorTester("GroupQueryAttention", 17, "com.microsoft").Input(TestTensors.Floats(1, 2, 3, 32)).Input(TestTensors.Floats(2, 2, 3, 16)).Input(TestTensors.Floats(3, 2, 3, 16)).Input(before).Input(before)
            .Input(TensorBuffer.Create<int>([2, 2], 2)).Input(TestTensors.Random(ElementType.Int32, 5, 3, 3, lengths)).Attribute("num_heads", 4).Attribute("kv_num_heads", 2).Fails<InvalidGraphException>();
    }
}
