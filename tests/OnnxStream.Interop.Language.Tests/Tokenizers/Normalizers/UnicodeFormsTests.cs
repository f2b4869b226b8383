using System.Text;
using System.Text.Json;
using OnnxStream.Interop.Language.Tokenizers.Normalizers;

namespace OnnxStream.Interop.Language.Tests.Tokenizers.Normalizers;

/// <summary>Normalization forms are those of Python's unicodedata (Tables/make_forms.py).</summary>
public class UnicodeFormsTests
{
    [TestCase(1, NormalizationForm.FormC)]
    [TestCase(2, NormalizationForm.FormD)]
    [TestCase(3, NormalizationForm.FormKC)]
    [TestCase(4, NormalizationForm.FormKD)]
    public void FormsAreThoseOfUnicode(int column, NormalizationForm form)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(TestContext.CurrentContext.TestDirectory, "Tokenizers", "Tables", "forms.json")));
        Assert.Multiple(() =>
        {
            foreach (JsonElement row in document.RootElement.EnumerateArray())
            {
                Assert.That(UnicodeForms.Normalize(row[0].GetString()!, form), Is.EqualTo(row[column].GetString()));
            }
        });
    }
}
