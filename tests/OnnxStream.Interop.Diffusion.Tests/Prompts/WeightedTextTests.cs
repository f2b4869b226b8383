using System.Globalization;
using OnnxStream.Interop.Diffusion.Prompts;

namespace OnnxStream.Interop.Diffusion.Tests.Prompts;

public class WeightedTextTests
{
    // The examples that AUTOMATIC1111's web interface documents beside its parser, and more.
    [TestCase("normal text", "normal text*1")]
    [TestCase("an (important) word", "an *1|important*1.1| word*1")]
    [TestCase("(unbalanced", "unbalanced*1.1")]
    [TestCase("\\(literal\\]", "(literal]*1")]
    [TestCase("(unnecessary)(parens)", "unnecessaryparens*1.1")]
    [TestCase("a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).", "a *1|house*1.573| *1.1|on*1| a *1.1|hill*0.55|, sun, *1.1|sky*1.4641|.*1.1")]
    [TestCase("[less]", "less*0.9091")]
    [TestCase("(a: 1.5 )b", "a*1.5|b*1")]
    [TestCase("a:b", "a:b*1")]
    [TestCase("a BREAK b", "a*1|BREAK|b*1")]
    [TestCase("(a BREAK b:1.2)", "a*1.2|BREAK|b*1.2")]
    [TestCase("BREAKFAST", "BREAKFAST*1")]
    [TestCase("(a:1.2.3)", "a:1.2.3*1.1")]
    [TestCase("", "")]
    public void Read_GivesTextsWithTheirWeights(string prompt, string expected) => Assert.That(
        string.Join('|', WeightedText.Read(prompt).Select(part => part.IsBreak ? "BREAK" : $"{part.Text}*{part.Weight.ToString("0.####", CultureInfo.InvariantCulture)}")),
        Is.EqualTo(expected));
}
