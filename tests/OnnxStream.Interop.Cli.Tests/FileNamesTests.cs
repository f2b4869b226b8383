namespace OnnxStream.Interop.Cli.Tests;

internal sealed class FileNamesTests
{
    [TestCase("logits", "logits.npy")]
    [TestCase("/model/Add_output_0", "_model_Add_output_0.npy")]
    [TestCase("a:b*c?\"<>|\\", "a_b_c______.npy")]
    [TestCase("..", "_...npy")]
    [TestCase("-x", "_-x.npy")]
    [TestCase("", "_.npy")]
    [TestCase("größe", "gr__e.npy")]
    [TestCase("v1.2-b", "v1.2-b.npy")]
    public void Names_become_safe(string name, string expected) =>
        Assert.That(FileNames.For([name], ".npy"), Is.EqualTo(new[] { expected }));

    [Test]
    public void Names_stay_different() =>
        Assert.That(FileNames.For(["a/b", "a:b", "A_B", "a_b_2"], ".npy"), Is.EqualTo(new[] { "a_b.npy", "a_b_2.npy", "A_B_3.npy", "a_b_2_2.npy" }));
}
