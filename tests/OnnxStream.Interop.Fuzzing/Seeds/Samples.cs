using OnnxStream.Interop.Conformance.Tests.Types;
using OnnxStream.Interop.Onnx;

namespace OnnxStream.Interop.Fuzzing.Seeds;

/// <summary>A node of every operator that is supported, in every type that it takes: brain floats, floats of 8 and 4 bits and integers of 4 and 2 bits among them.</summary>
/// <remarks>They are the samples of which the tests of types are made, so a new operator or type is mutated as soon as it has one.</remarks>
internal static class Samples
{
    /// <summary>The models, in the newest version of each operator; every other one has its inputs as constants.</summary>
    public static IEnumerable<SeedModel> All() =>
        from schema in OperatorSchema.All
        where !schema.IsDeprecated && schema.Last == OperatorSchema.Newest
        from sample in OperatorSample.All
        where sample.IsFor(schema)
        from type in Types(schema, sample)
        from areConstants in sample.HasChosenInput ? (bool[])[false, true] : [false]
        select new SeedModel($"sample/{schema.Name}/{type.ToOnnxName()}", ModelProto.Parser.ParseFrom(sample.Build(schema.Name, schema.OperatorSet, type, type, areConstants).Model), []);

    private static IEnumerable<ElementType> Types(OperatorSchema schema, OperatorSample sample) =>
        sample.Parameter(schema) is { } parameter ? schema.Types[parameter].Select(OperatorSample.FindType).OfType<ElementType>() : [ElementType.Float32];
}
