using Google.Protobuf;
using OnnxStream.Interop.Fuzzing.Mutators;
using OnnxStream.Interop.Fuzzing.Seeds;
using OnnxStream.Interop.Onnx;

namespace OnnxStream.Interop.Fuzzing.Tests;

public sealed class MutatorTests
{
    [Test]
    public void FieldsAreChangedAndCanStillBeParsed()
    {
        ModelMutator mutator = new(Structures.All.Select(model => model.Proto));
        int changed = 0;
        for (int seed = 0; seed < 500; seed++)
        {
            ModelProto model = Structures.All[seed % Structures.All.Count].Proto;
            ModelProto mutated = model.Clone();
            mutator.Mutate(mutated, new Random(seed));
            // Some are nested deeper than protobuf's parser allows unless it is told.
            using MemoryStream bytes = new(mutated.ToByteArray());
            Assert.That(ModelProto.Parser.ParseFrom(CodedInputStream.CreateWithLimits(bytes, int.MaxValue, 1000)), Is.EqualTo(mutated));
            changed += mutated.Equals(model) ? 0 : 1;
        }

        Assert.That(changed, Is.GreaterThan(400));
    }

    [Test]
    public void BytesAndTextAreChanged()
    {
        byte[] bytes = [.. Enumerable.Range(0, 200).Select(i => (byte)i)];
        string text = "a:Add*input:x(1,2);y(1,2)*output:z(1,2)*\nb:Relu*input:z(1,2)*output:w(1,2)*\n";
        Assert.That(Enumerable.Range(0, 300).Count(seed => ByteMutator.Mutate(bytes, new Random(seed)).SequenceEqual(bytes)), Is.LessThan(10));
        Assert.That(Enumerable.Range(0, 300).Count(seed => TextMutator.Mutate(text, new Random(seed)) == text), Is.LessThan(60));
    }

    // What is mutated is sound: a model that is refused as it is would test nothing.
    [Test]
    public void StructuresRun([Range(0, 19)] int index)
    {
        string folder = Directory.CreateTempSubdirectory("onnxstream-fuzzing-tests-").FullName;
        try
        {
            Targets.ModelFolder.Write(folder, Structures.All[index].Proto.ToByteArray());
            using InferenceSession session = new(Targets.ModelFolder.PathIn(folder));
            Assert.That(session.Run(session.Inputs.ToDictionary(input => input.Name, Input)).Values, Is.Not.Empty);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        static OnnxValue Input(ValueMetadata input)
        {
            TensorBuffer tensor = new(input.ElementType, new Shape([.. input.Dimensions!.Select(dimension => dimension.IsKnown ? dimension.Value : 3)]));
            return input.IsSequence ? new TensorSequence(input.ElementType, [tensor]) : tensor;
        }
    }
}
