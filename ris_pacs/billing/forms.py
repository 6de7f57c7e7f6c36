"""Forms of the biller."""

from __future__ import annotations

from collections.abc import Sequence

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import BooleanField, IntegerField, RadioField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from ris_pacs.billing.queries.setup import BillingEntity, ChargeRule
from ris_pacs.billing.rules import charging as rules
from ris_pacs.billing.service.setup import EntityFacts, FeeFacts, ReaderFacts, RuleFacts, SiteFacts
from ris_pacs.catalog.queries import Payer
from ris_pacs.catalog.rules import FILING_INDICATORS, MODALITIES
from ris_pacs.catalog.service.payers import PayerFacts
from ris_pacs.web.asking import day_in


class MendForm(FlaskForm):  # type: ignore[misc]
    """What is mended on the page of a claim; each finding shows the field that cures it."""

    npi = StringField("NPI", validators=[Length(max=20)])
    diagnoses = StringField("Diagnoses, the principal one first", validators=[Length(max=200)])
    authorisation = StringField("Authorisation number", validators=[Length(max=60)])
    side = StringField("Side", validators=[Length(max=2)])

    def codes(self) -> list[str]:
        return (self.diagnoses.data or "").replace(",", " ").replace(";", " ").split()


class LineForm(FlaskForm):  # type: ignore[misc]
    modifiers = StringField("Modifiers", validators=[Length(max=40)])
    pointers = StringField("Diagnoses it points to", validators=[Length(max=40)])

    def places(self) -> list[int]:
        words = (self.pointers.data or "").replace(",", " ").split()
        return [int(one) if one.isdecimal() and len(one) < 4 else 0 for one in words]


class ReasonForm(FlaskForm):  # type: ignore[misc]
    why = TextAreaField("Why", validators=[InputRequired("A reason is needed."), Length(max=200)])


class RemittanceForm(FlaskForm):  # type: ignore[misc]
    file = FileField("835 file", validators=[InputRequired("Choose a file.")])


class ClaimNumberForm(FlaskForm):  # type: ignore[misc]
    claim_number = StringField("Claim", validators=[InputRequired("Which claim is it?"), Length(max=20)])


class PayerForm(FlaskForm):  # type: ignore[misc]
    name = StringField("Name", validators=[InputRequired("Type the payer's name."), Length(max=60)])
    identifier = StringField("Payer identifier", validators=[InputRequired("Type it."), Length(max=20)])
    filing_indicator = SelectField("Kind", choices=[*FILING_INDICATORS.items()])
    receiver_name = StringField("Receiver", validators=[InputRequired("Who takes its files?"), Length(max=60)])
    receiver_id = StringField("Receiver's identifier", validators=[InputRequired("Type it."), Length(max=15)])
    filing_days = IntegerField("Days to file", validators=[Optional(), NumberRange(1, 1100, "1 to 1,100 days.")])
    authorised_modalities = StringField("Authorisation for", validators=[Length(max=60)])
    side_required = BooleanField("Paired body parts need RT, LT or 50")
    replaces = BooleanField("Takes corrected claims as replacements")

    def facts(self) -> PayerFacts:
        return PayerFacts(
            name=self.name.data,
            identifier=self.identifier.data,
            receiver_name=self.receiver_name.data,
            receiver_id=self.receiver_id.data,
            filing_indicator=self.filing_indicator.data,
            filing_days=self.filing_days.data,
            authorised_modalities=tuple((self.authorised_modalities.data or "").upper().replace(",", " ").split()),
            side_required=self.side_required.data,
            replaces=self.replaces.data,
        )

    @staticmethod
    def of(payer: Payer) -> PayerForm:
        return PayerForm(
            name=payer.name,
            identifier=payer.identifier,
            filing_indicator=payer.filing_indicator,
            receiver_name=payer.receiver_name,
            receiver_id=payer.receiver_id,
            filing_days=payer.filing_days,
            authorised_modalities=", ".join(payer.authorised_modalities),
            side_required=payer.side_required,
            replaces=payer.replaces,
        )


class RuleForm(FlaskForm):  # type: ignore[misc]
    name = StringField("What it charges, in words", validators=[InputRequired("Say what it charges."), Length(max=80)])
    procedure_code = StringField("Procedure of the catalogue", validators=[Length(max=16)])
    modality = SelectField("Modality", choices=[("", "Any"), *MODALITIES.items()])
    code = StringField("Charge code", validators=[InputRequired("Type the code."), Length(max=5)])
    modifiers = StringField("Further modifiers", validators=[Length(max=20)])
    side_modifier = BooleanField("Add RT, LT or 50 by the side of the exam", default=True)
    component = SelectField("Part", choices=[*rules.COMPONENTS.items()])
    units = IntegerField("Units", default=1, validators=[NumberRange(1, 999, "1 to 999.")])
    adds = BooleanField("A further line beside the base one")
    position = IntegerField("Tried as number", validators=[Optional(), NumberRange(1, 100_000, "1 to 100,000.")])

    def facts(self) -> RuleFacts:
        return RuleFacts(
            name=self.name.data,
            code=self.code.data,
            procedure_code=self.procedure_code.data or "",
            modality=self.modality.data or "",
            component=self.component.data,
            modifiers=rules.check_modifiers(self.modifiers.data or ""),
            side_modifier=self.side_modifier.data,
            units=self.units.data,
            adds=self.adds.data,
            position=self.position.data,
        )

    @staticmethod
    def of(rule: ChargeRule) -> RuleForm:
        return RuleForm(
            name=rule.name,
            procedure_code=rule.procedure_code,
            modality=rule.modality,
            code=rule.code,
            modifiers=" ".join(rule.modifiers),
            side_modifier=rule.side_modifier,
            component=rule.component,
            units=rule.units,
            adds=rule.adds,
            position=rule.position,
        )


class FeeForm(FlaskForm):  # type: ignore[misc]
    payer_id = SelectField("Whose", coerce=int, default=0)
    code = StringField("Charge code", validators=[InputRequired("Type the code."), Length(max=5)])
    modifier = RadioField("Part", choices=[("", "Whole"), ("TC", "TC"), ("26", "26")], default="")
    amount = StringField("Amount", validators=[InputRequired("Type the amount."), Length(max=20)])
    begins = StringField("From", validators=[InputRequired("From which day on?"), Length(max=20)])

    def offer(self, payers: Sequence[Payer]) -> FeeForm:
        self.payer_id.choices = [(0, "Ours: what is charged"), *((one.id, f"Contract: {one.name}") for one in payers)]
        return self

    def facts(self) -> FeeFacts:
        return FeeFacts(
            code=self.code.data,
            amount_cents=rules.cents_of(self.amount.data),
            begins=day_in(self.begins.data, "begins"),
            modifier=self.modifier.data,
            payer_id=self.payer_id.data or None,
        )


class EntityForm(FlaskForm):  # type: ignore[misc]
    name = StringField("Name", validators=[InputRequired("Type the name."), Length(max=60)])
    npi = StringField("NPI of the organisation", validators=[InputRequired("Type its NPI."), Length(max=10)])
    tax_id = StringField("Tax number", validators=[InputRequired("Nine digits."), Length(max=12)])
    taxonomy = StringField("Taxonomy code", validators=[InputRequired("Ten letters and digits."), Length(max=10)])
    street = StringField("Street", validators=[InputRequired("Not a post box."), Length(max=55)])
    city = StringField("City", validators=[InputRequired("Type the city."), Length(max=30)])
    state = StringField("State", validators=[InputRequired("Two letters."), Length(max=2)])
    zip = StringField("ZIP, all nine digits", validators=[InputRequired("Nine digits."), Length(max=10)])
    contact = StringField("Who answers questions", validators=[InputRequired("A person's name."), Length(max=60)])
    phone = StringField("Phone", validators=[InputRequired("Ten digits."), Length(max=40)])
    submitter_id = StringField("Submitter identifier", validators=[InputRequired("Type it."), Length(max=15)])
    mammography_certificate = StringField("Mammography certificate", validators=[Length(max=20)])

    def facts(self) -> EntityFacts:
        return EntityFacts(**{name: field.data or "" for name, field in self._fields.items() if name != "csrf_token"})

    @staticmethod
    def of(entity: BillingEntity) -> EntityForm:
        return EntityForm(obj=entity)


class ReaderForm(FlaskForm):  # type: ignore[misc]
    family = StringField("Family name", validators=[InputRequired("Type the family name."), Length(max=60)])
    given = StringField("Given name", validators=[Length(max=35)])
    npi = StringField("NPI", validators=[InputRequired("Type the NPI."), Length(max=10)])
    taxonomy = StringField("Taxonomy code", default="2085R0202X", validators=[InputRequired(), Length(max=10)])
    user_id = SelectField("Signs reports as", coerce=int, default=0)

    def offer(self, people: Sequence[tuple[int, str]]) -> ReaderForm:
        self.user_id.choices = [(0, "Nobody"), *people]
        return self

    def facts(self) -> ReaderFacts:
        return ReaderFacts(
            family=self.family.data,
            given=self.given.data or "",
            npi=self.npi.data,
            taxonomy=self.taxonomy.data,
            user_id=self.user_id.data or None,
        )


class SiteForm(FlaskForm):  # type: ignore[misc]
    technical_entity_id = SelectField("The technical part is billed by", coerce=int)
    professional_entity_id = SelectField("The professional part is billed by", coerce=int)
    rendering_id = SelectField("Reader where the signer has no number", coerce=int, default=0)
    place_of_service = StringField(
        "Place of service", default="11", validators=[InputRequired("Two digits."), Length(max=2)]
    )

    def offer(self, entities: Sequence[tuple[int, str]], readers: Sequence[tuple[int, str]]) -> SiteForm:
        self.technical_entity_id.choices = self.professional_entity_id.choices = [*entities]
        self.rendering_id.choices = [(0, "Nobody"), *readers]
        return self

    def facts(self, site_id: int) -> SiteFacts:
        return SiteFacts(
            site_id=site_id,
            technical_entity_id=self.technical_entity_id.data,
            professional_entity_id=self.professional_entity_id.data,
            rendering_id=self.rendering_id.data or None,
            place_of_service=self.place_of_service.data,
        )
