namespace OnnxStream.Interop.Cli.Tests;

internal sealed class InputTypesTests
{
    private static readonly Dictionary<string, long> NoDimensions = [];

    [Test]
    public void Open_dimensions_are_one_unless_they_are_named()
    {
        ValueMetadata input = new("x", ElementType.Float32, [new Dimension(-1, "batch"), new Dimension(-1), new Dimension(3), new Dimension(-1, "batch")]);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(InputTypes.Create([input], NoDimensions)["x"].Shape, Is.EqualTo(new Shape(1, 1, 3, 1)));
            Assert.That(InputTypes.Create([input], new Dictionary<string, long> { ["batch"] = 4 })["x"].Shape, Is.EqualTo(new Shape(4, 1, 3, 4)));
        }
    }

    [Test]
    public void A_dimension_that_the_model_does_not_have_is_refused()
    {
        ValueMetadata input = new("x", ElementType.Float32, [new Dimension(-1, "batch")]);
        UsageException exception = Assert.Throws<UsageException>(() => InputTypes.Create([input], new Dictionary<string, long> { ["bacth"] = 4 }))!;
        Assert.That(exception.Message, Does.Contain("bacth").And.Contain("batch"));
    }

    [Test]
    public void An_input_without_shape_or_of_text_must_be_given()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(() => InputTypes.Create([new ValueMetadata("x", ElementType.Float32, null)], NoDimensions), Throws.TypeOf<UsageException>().With.Message.Contains("--input x=FILE"));
            Assert.That(() => InputTypes.Create([new ValueMetadata("x", ElementType.String, [])], NoDimensions), Throws.TypeOf<UsageException>());
        }
    }
}
