using OnnxStream.Interop.Graphs;

namespace OnnxStream.Interop.Tests.Graphs;

public class AttributesTests
{
    [Test]
    public void KindsHaveTheNamesOfTheSpecification()
    {
        Attributes attributes = new(new Dictionary<string, object> { ["text"] = "a", ["numbers"] = new[] { 1L } });
        Fails(() => attributes.Int("text", 0), "attribute 'text' is string, expected int.");
        Fails(() => attributes.Float("numbers", 0), "attribute 'numbers' is ints, expected float.");
        Fails(() => attributes.Floats("numbers"), "attribute 'numbers' is ints, expected floats.");
        Fails(() => attributes.Ints("text"), "attribute 'text' is string, expected ints.");
        Fails(() => attributes.Strings("text"), "attribute 'text' is string, expected strings.");
        Fails(() => attributes.String("numbers", ""), "attribute 'numbers' is ints, expected string.");
        Fails(() => attributes.Tensor("text"), "attribute 'text' is string, expected tensor.");
        Fails(() => attributes.Graph("text"), "attribute 'text' is string, expected graph.");

        static void Fails(Action read, string part) => Assert.That(read, Throws.TypeOf<InvalidGraphException>().With.Message.EndsWith(part));
    }
}
